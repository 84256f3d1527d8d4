/**
 * A call that its endpoint's wire format cannot express. The message names the field and never its
 * content: it reaches the caller.
 */
export class UnencodableRequest extends Error {
  override readonly name = "UnencodableRequest";
}
