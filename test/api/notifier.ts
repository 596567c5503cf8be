import { configSchema } from "../../api/config.ts";
import { settleNotifiers } from "../../api/node/notifiers.ts";
import type { World } from "./world.ts";

/** As a node does that starts with these settings. */
export async function openNotifier(
  world: World,
  notifications: object = { webhook: { url: "https://example.org/hook" } },
): Promise<void> {
  const config = configSchema.parse({ home: "/tmp", host: "here", notifications });
  await settleNotifiers(world.workspace.engine, config);
  await world.settle();
}
