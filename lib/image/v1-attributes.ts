/** The attributes of an image that a v1 request gives; what is not there was not said. */
export interface V1Attributes {
  /** Verbatim; null for none in particular. */
  readonly id?: string | null
  readonly name?: string | null
  /** Verbatim: no status is set by it, but held against the one there is. */
  readonly status?: string | null
  readonly isPublic?: boolean
  readonly protected?: boolean
  readonly owner?: string | null
  readonly diskFormat?: string | null
  readonly containerFormat?: string | null
  /** GiB. */
  readonly minDisk?: number
  /** MiB. */
  readonly minRam?: number
  /** Bytes. */
  readonly size?: number
  /** Bytes. */
  readonly virtualSize?: number | null
  readonly checksum?: string | null
  /** Where the data is already; null for an empty header. */
  readonly location?: string | null
  /** A store, or the scheme of its URLs. */
  readonly store?: string | null
}
