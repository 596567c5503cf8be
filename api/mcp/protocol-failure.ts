/** An error of the protocol itself, in no era's types: a tool or resource that does not exist. */
export class ProtocolFailure extends Error {
  override readonly name = "ProtocolFailure";
  readonly kind: "invalid_params" | "resource_not_found" | "internal";
  /** The resource that was asked for. */
  readonly uri: string | null;

  constructor(kind: ProtocolFailure["kind"], message: string, uri: string | null = null) {
    super(message);
    this.kind = kind;
    this.uri = uri;
  }
}
