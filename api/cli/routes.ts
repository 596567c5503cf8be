export { routes } from "../client/routes.ts";
export type { OperationName } from "../client/types.ts";
