/** Ends a build from within; the builder turns it into a result. The output has been shown already. */
export class BuildFailed extends Error {
  readonly hint: string;

  constructor(reason: string, hint: string, options?: { cause?: unknown }) {
    super(reason, options);
    this.name = "BuildFailed";
    this.hint = hint;
  }
}
