/** `webinfra database promote`: another host becomes the primary. */
import { promote as promoteHost } from "../../operations/promote";
import type { CommandContext } from "../context";
import { siteWithHosts } from "../engine/site";
import { isPromotionResult, promotionLine } from "../terminal/promotion";

/** Makes a host the primary. Prints how it went. */
export async function promote(
  context: CommandContext,
  host: string,
  options: { readonly stack: string; readonly force?: boolean },
): Promise<void> {
  const { output } = context;
  const { stack, force = false } = options;
  const { access, known } = siteWithHosts(context, stack, "promote");
  const promotion = await promoteHost(access, known, host, force, (event) => {
    const line = promotionLine(event);
    if (isPromotionResult(event)) {
      output.result(line);
    } else {
      output.progress(line);
    }
  });
  output.data(promotion);
}
