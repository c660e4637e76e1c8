import { UserDataFormat } from "../cloudinit/limits";
import { DataVolume, HostPlace, PlatformTraits } from "../services/contract";

/** What is known of a platform before anything is made. */
export interface Traits {
  /** What hosts have to know of it. */
  readonly hosts: PlatformTraits;
  readonly userData: UserDataFormat;
  /** The place whose texts are the longest that there will be: what user-data is measured with. */
  readonly widestPlace: (volumes: readonly DataVolume[]) => HostPlace;
}

/** A text of this length that does not compress. */
export const filler = (length: number): string =>
  Array.from({ length }, (_, index) => String.fromCharCode(48 + (((index * 2_654_435_761) % 4_294_967_296) % 75))).join(
    "",
  );

/** The longest network and address. */
export const widestNetwork = "255.255.255.240/28";
export const widestAddress = "255.255.255.255";

/** A device's path for each volume. */
export const widestDevices = (volumes: readonly DataVolume[]): Readonly<Record<string, string>> =>
  Object.fromEntries(volumes.map(({ name }) => [name, filler(100)]));
