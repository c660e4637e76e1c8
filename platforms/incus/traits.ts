import { plainUserData } from "../../cloudinit/limits";
import { filler, Traits, widestNetwork } from "../traits";

export const incusTraits: Traits = {
  hosts: {
    channel: "directory",
    secretsThrough: "user-data",
    // Balancers answer on their own addresses, which this computer reaches.
    publicAddress: undefined,
    metadataReaders: [],
  },
  // Incus has no limit and is held to that of AWS, so that a site that runs on a laptop fits everywhere.
  userData: plainUserData(16 * 1024),
  widestPlace: () => ({
    networkCidr: widestNetwork,
    channel: { type: "directory", path: filler(64) },
    // The platform mounts volumes itself.
    devices: {},
  }),
};
