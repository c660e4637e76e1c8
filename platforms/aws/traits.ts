import { gzipUserData } from "../../cloudinit/limits";
import { filler, Traits, widestAddress, widestDevices, widestNetwork } from "../traits";

/** Size of an instance's root volume in GiB: room for the system, packages, logs and a few releases. */
export const rootDiskGiB = 20;

export const awsTraits: Traits = {
  hosts: { channel: "s3", secretsThrough: "channel", publicAddress: "aws", metadataReaders: [] },
  // 16 KiB before base64 (EC2 user guide, "Run commands when you launch an EC2 instance").
  userData: gzipUserData(16 * 1024),
  widestPlace: (volumes) => ({
    networkCidr: widestNetwork,
    channel: { type: "s3", bucket: filler(63), region: filler(20) },
    devices: widestDevices(volumes),
    publicAddress: { type: "aws", address: widestAddress, allocationId: filler(30), region: filler(20) },
  }),
};
