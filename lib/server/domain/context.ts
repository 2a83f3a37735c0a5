/** Who is asking, as far as authentication can tell. */
export interface Identity {
  readonly user: string | null
  readonly project: string | null
  /** Lower case. */
  readonly roles: readonly string[]
  /** May do everything, also with what belongs to other projects. */
  readonly isAdmin: boolean
  /** May look at things and change none. */
  readonly readOnly: boolean
}

/** One request to the service: who asks, and for how long. Passed first, never kept. */
export interface RequestContext extends Identity {
  /** `req-<uuid>`, or what the caller chose. */
  readonly requestId: string
  /** Fires when the caller goes away before there is an answer. */
  readonly signal: AbortSignal
}
