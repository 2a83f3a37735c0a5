/** Does nothing: to see that plugins are at work at all. */
export async function noOp(): Promise<void> {}
