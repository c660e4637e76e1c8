/** The package mirror as a stack's machines see it: it can be taken away. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Site } from "./site";

const run = promisify(execFile);

/** Runs nft, which only root may. */
async function nft(...args: string[]): Promise<void> {
  await (process.getuid?.() === 0 ? run("nft", args) : run("sudo", ["-n", "nft", ...args]));
}

/** A rule that refuses connections to any mirror. Its table is the test's own, and gone when the mirror is back. */
export class Mirror {
  private readonly table: string;
  private away = false;

  constructor(private readonly site: Site) {
    this.table = `webinfra_${site.stack}`;
  }

  /** Lets no machine of the stack reach a mirror. */
  async takeAway(): Promise<void> {
    await nft("add", "table", "inet", this.table);
    this.away = true;
    await nft("add", "chain", "inet", this.table, "forward", "{ type filter hook forward priority -10; }");
    const rule = ["iifname", this.site.network, "tcp", "dport", "{ 80, 443 }", "reject", "with", "tcp", "reset"];
    await nft("add", "rule", "inet", this.table, "forward", ...rule);
  }

  /** Does nothing when it is there. */
  async bringBack(): Promise<void> {
    if (this.away) {
      await nft("delete", "table", "inet", this.table);
    }
    this.away = false;
  }
}
