import { Secret } from "../../core/secret";
import { PublicAddress } from "../contract";
import { defineService } from "../define";
import { plainFile, shell, startUnits, unitFile } from "../parts/units";

/** Token with which balancers take over the public address on DigitalOcean. */
export const addressToken = { kind: "given", name: "digitaloceanAddressToken" } as const satisfies Secret;

interface AddressView {
  readonly address: PublicAddress | undefined;
  readonly token: string | undefined;
}

/** Takes over the site's public address when nobody answers there, where the platform has one. */
export const address = defineService<AddressView>({
  name: "address",
  describe: ({ traits }) => ({ secrets: traits.publicAddress === "digitalocean" ? [addressToken] : [] }),
  install: ({ traits }) => ({ packages: traits.publicAddress === "aws" ? ["awscli"] : [] }),
  view: ({ place: { publicAddress } }, text) => ({
    address: publicAddress,
    token: publicAddress?.type === "digitalocean" ? text(addressToken) : undefined,
  }),
  render: ({ address: shared, token }) =>
    shared === undefined
      ? { files: [], steps: [] }
      : {
          files: [
            plainFile("/etc/webinfra/address.json", `${JSON.stringify(shared)}\n`),
            unitFile("webinfra-address.service", __dirname, "address.service"),
            ...(token === undefined
              ? []
              : [
                  {
                    path: "/etc/webinfra/secrets/address-token",
                    content: token,
                    mode: "0600",
                    secret: true,
                  } as const,
                ]),
          ],
          steps: [
            {
              phase: "announce",
              name: "address",
              doing: "watching the site's address",
              script: shell(startUnits("webinfra-address.service")),
            },
          ],
        },
});
