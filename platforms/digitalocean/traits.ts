import { mimeUserData } from "../../cloudinit/limits";
import { filler, Traits, widestAddress, widestDevices, widestNetwork } from "../traits";

export const digitaloceanTraits: Traits = {
  hosts: {
    channel: "spaces",
    secretsThrough: "user-data",
    publicAddress: "digitalocean",
    // DigitalOcean's monitoring asks the metadata address for its own token.
    metadataReaders: ["do-agent.service"],
  },
  // 64 KiB (API reference, `user_data`).
  userData: mimeUserData(64 * 1024),
  widestPlace: (volumes) => ({
    networkCidr: widestNetwork,
    channel: {
      type: "spaces",
      bucket: filler(63),
      endpoint: filler(40),
      accessKeyId: filler(20),
      secretAccessKey: filler(43),
    },
    devices: widestDevices(volumes),
    publicAddress: { type: "digitalocean", address: widestAddress },
  }),
};
