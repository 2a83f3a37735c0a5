import type { Credentials } from '../policy/check.ts'
import type { Policy } from '../policy/policy.ts'

/** With which others can be asked in the caller's name. */
export interface OnBehalf {
  readonly token: string | null
  /** Keystone's list of services, in the form of its API v2. */
  readonly catalog: unknown
}

/** Who is asking, as far as authentication can tell. */
export interface Identity extends Credentials {
  /** May do everything, also with what belongs to other projects; the policy may find that others may, too. */
  readonly isAdmin: boolean
  /** May look at things and change none. */
  readonly readOnly: boolean
  readonly onBehalf: OnBehalf
}

/** One request to the service: who asks, what the rules are, and for how long. Passed first, never kept. */
export interface RequestContext extends Identity {
  readonly policy: Policy
  /** `req-<uuid>`, or what the caller chose. */
  readonly requestId: string
  /** Fires when the caller goes away before there is an answer. */
  readonly signal: AbortSignal
}
