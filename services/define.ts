import { SealedSettings } from "../core/protocol";
import { Secret, secretId } from "../core/secret";
import { Description, HostContext, Installation, Parts, Placement, SettingsPart } from "./contract";

/** Gives the text of a secret that the service declares. */
type TextOf = (secret: Secret) => string;

/** One program on hosts. */
export interface Service {
  readonly name: string;
  readonly describe: (placement: Placement) => Description;
  readonly install: (placement: Placement) => Installation;
  readonly render: (context: HostContext, text: TextOf) => Parts;
  readonly settings: (placement: Placement) => SettingsPart;
  readonly seal: (placement: Placement, text: TextOf) => Partial<SealedSettings>;
}

/** A service as its folder defines it. */
export interface ServiceDefinition<View> {
  readonly name: string;
  /** Ports, health, metrics, volumes, watches and secrets: what follows from the placement alone. Default: none. */
  readonly describe?: (placement: Placement) => Description;
  /** Default: nothing to install. */
  readonly install?: (placement: Placement) => Installation;
  /** All that {@link render} and its templates see. */
  readonly view: (context: HostContext, text: TextOf) => View;
  readonly render: (view: View) => Parts;
  /** What may change while the host lives. Default: nothing. */
  readonly settings?: (placement: Placement) => SettingsPart;
  /** The secret part of that. Default: nothing. */
  readonly seal?: (placement: Placement, text: TextOf) => Partial<SealedSettings>;
}

/** @throws Error while it renders or seals, when that asks for a secret that the service does not declare for it */
export function defineService<View>(definition: ServiceDefinition<View>): Service {
  const {
    name,
    view,
    render,
    describe = (): Description => ({}),
    install = (): Installation => ({}),
    settings = (): SettingsPart => ({}),
    seal = (): Partial<SealedSettings> => ({}),
  } = definition;
  const among = (secrets: readonly Secret[] = [], text: TextOf): TextOf => {
    const declared = new Set(secrets.map(secretId));
    return (secret) => {
      const id = secretId(secret);
      if (!declared.has(id)) {
        throw new Error(`the service ${name} does not declare the secret "${id}"`);
      }
      return text(secret);
    };
  };
  return {
    name,
    describe,
    install,
    settings,
    render: (context, text) => render(view(context, among(describe(context).secrets, text))),
    seal: (placement, text) => seal(placement, among(describe(placement).sealed, text)),
  };
}
