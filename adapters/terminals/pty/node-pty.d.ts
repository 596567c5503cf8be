/// <reference types="node-pty" />

// The package is an alias (package.json) whose types name it by its own name.
declare module "node-pty" {
  export * from "@lydell/node-pty";
}
