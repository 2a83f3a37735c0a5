export const POLICY_CONTENT_TYPES = [
  'application/x-www-form-urlencoded',
  'application/json',
] as const

/** How servers are asked that policy rules name. */
export interface RemotePolicySettings {
  readonly policyRemoteContentType: (typeof POLICY_CONTENT_TYPES)[number]
  /** Seconds for the whole answer. */
  readonly policyRemoteTimeout: number
  /** Whether a server has to prove by a certificate that it is the one. */
  readonly policyRemoteVerify: boolean
  /** Files in PEM. Null for the authorities of the system. */
  readonly policyRemoteCaFile: string | null
  /** Null for no certificate of our own. */
  readonly policyRemoteCertFile: string | null
  readonly policyRemoteKeyFile: string | null
}
