import { defineService } from "../define";
import { plainFile, script, shell, startUnits, unitFile } from "../parts/units";

/** Closes the metadata address to all but root: it holds user-data, and on some platforms the host's identity. */
export const metadata = defineService({
  name: "metadata",
  view: ({ traits: { metadataReaders } }) => ({ metadataReaders }),
  render: ({ metadataReaders }) => ({
    files: [
      script("close-metadata"),
      unitFile("webinfra-metadata.service", __dirname, "metadata.service"),
      // Else networkd removes the rule that closes it.
      plainFile("/etc/systemd/networkd.conf.d/webinfra.conf", "[Network]\nManageForeignRoutingPolicyRules=no\n"),
      ...metadataReaders.map((unit) =>
        plainFile(`/etc/systemd/system/${unit}.d/webinfra.conf`, "[Service]\nUser=root\n"),
      ),
    ],
    steps: [
      {
        phase: "secure",
        name: "metadata",
        doing: "closing the metadata address",
        script: shell(
          startUnits("webinfra-metadata.service"),
          ...metadataReaders.map((unit) => `systemctl try-restart ${unit}`),
        ),
      },
    ],
  }),
});
