import { RoleName, TopologyHost } from "./types";

/** `count` hosts with the same roles, named `<word>-1` … `<word>-<count>`. */
export function numbered(word: string, count: number, roles: readonly RoleName[]): readonly TopologyHost[] {
  return Array.from({ length: count }, (_, index) => ({ name: `${word}-${String(index + 1)}`, roles }));
}
