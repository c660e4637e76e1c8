/** A database among the machines takes writes, as far as can be seen from here. */
import { type Scene, type SiteCheck, stateOf } from "./check";

export const databaseCheck = (scene: Scene): SiteCheck => ({
  missing() {
    const { machines, reach } = scene.expectation;
    const databases = machines.filter(({ roles }) => roles.includes("database"));
    if (
      reach === "public" ||
      databases.length === 0 ||
      databases.some((machine) => stateOf(scene, machine)?.database?.writable === true)
    ) {
      return undefined;
    }
    // Old hosts are deleted when all is well, and the primary may be one of them.
    const replica = databases.find((machine) => stateOf(scene, machine)?.database?.role === "replica");
    const how = replica === undefined ? "" : `, such as with \`webinfra database promote ${replica.name}\``;
    return (
      "no database of these hosts takes writes: when the primary is a host that this update takes away, promote another one first" +
      how
    );
  },
});
