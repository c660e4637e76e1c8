/** A line of hosts' logs for people. */
import type { Colors, Formatter } from "picocolors/types";
import type { LogLine } from "../../operations/logs";

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (value: number): string => String(value).padStart(2, "0");

/** A time of this machine's clock, as journals have it: `Nov 26 11:55:38`. @param seconds since 1970 */
export function journalTime(seconds: number): string {
  const at = new Date(seconds * 1000);
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  return `${months[at.getMonth()] ?? ""} ${two(at.getDate())} ${clock}`;
}

/** The line as it is shown: its time, and its host in a colour of its own. @param hosts all that lines come from */
export function logLineText(
  { time, text, dated }: LogLine,
  hosts: readonly string[],
  colours: Pick<Colors, "cyan" | "yellow" | "green" | "magenta" | "blue" | "red">,
): string {
  if (dated) {
    return text;
  }
  const palette: readonly Formatter[] = [
    colours.cyan,
    colours.yellow,
    colours.green,
    colours.magenta,
    colours.blue,
    colours.red,
  ];
  const [host = ""] = text.split(" ", 1);
  const paint = hosts.includes(host) ? palette[hosts.indexOf(host) % palette.length] : undefined;
  return `${journalTime(time)} ${paint === undefined ? text : `${paint(host)}${text.slice(host.length)}`}`;
}
