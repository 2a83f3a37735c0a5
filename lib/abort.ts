/** The last, optional parameter of everything that waits. */
export interface Abortable {
  /** Stops the operation, which then rejects with `signal.reason` and undoes what it began. */
  readonly signal?: AbortSignal | undefined
}
