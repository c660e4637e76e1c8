import { Secret, secretId } from "../core/secret";
import { Description, HostContext, Installation, Parts, Placement } from "./contract";

/** One program on hosts. */
export interface Service {
  readonly name: string;
  readonly describe: (placement: Placement) => Description;
  readonly install: (placement: Placement) => Installation;
  /** @param text gives the text of a secret that the service declares */
  readonly render: (context: HostContext, text: (secret: Secret) => string) => Parts;
}

/** A service as its folder defines it. */
export interface ServiceDefinition<View> {
  readonly name: string;
  /** Ports, health, metrics, volumes, watches and secrets: what follows from the placement alone. Default: none. */
  readonly describe?: (placement: Placement) => Description;
  /** Default: nothing to install. */
  readonly install?: (placement: Placement) => Installation;
  /** All that {@link render} and its templates see. */
  readonly view: (context: HostContext, text: (secret: Secret) => string) => View;
  readonly render: (view: View) => Parts;
}

/** @throws Error while it renders, when its view asks for a secret that it does not declare */
export function defineService<View>(definition: ServiceDefinition<View>): Service {
  const { name, view, render } = definition;
  const describe = definition.describe ?? ((): Description => ({}));
  const install = definition.install ?? ((): Installation => ({}));
  return {
    name,
    describe,
    install,
    render: (context, text) => {
      const declared = new Set((describe(context).secrets ?? []).map(secretId));
      return render(
        view(context, (secret) => {
          const id = secretId(secret);
          if (!declared.has(id)) {
            throw new Error(`the service ${name} does not declare the secret "${id}"`);
          }
          return text(secret);
        }),
      );
    },
  };
}
