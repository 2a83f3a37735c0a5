import { createHash } from 'node:crypto'

export interface TokenCacheOptions {
  /** How many tokens are remembered at most; those that were used last. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What is known of a token, and how long that may be believed. */
export interface Finding<T> {
  readonly value: T
  /** Milliseconds since 1970. */
  readonly until: number
}

/** Remembers what was found out about tokens, though not the tokens: only a digest of each. */
export class TokenCache<T> {
  readonly #options: TokenCacheOptions
  readonly #findings = new Map<string, Finding<T>>()
  readonly #searches = new Map<string, Promise<Finding<T>>>()

  constructor(options: TokenCacheOptions) {
    this.#options = options
  }

  /** What is remembered, or else what `search` finds out, once for all who ask meanwhile. */
  async get(token: string, search: () => Promise<Finding<T>>): Promise<T> {
    const key = createHash('sha256').update(token).digest('base64')
    const known = this.#findings.get(key)
    if (known !== undefined && this.#options.now() < known.until) {
      this.#remember(key, known)
      return known.value
    }
    let searching = this.#searches.get(key)
    if (searching === undefined) {
      searching = search()
        .then(finding => this.#remember(key, finding))
        .finally(() => this.#searches.delete(key))
      this.#searches.set(key, searching)
    }
    return (await searching).value
  }

  /** As the one that was used last. */
  #remember(key: string, finding: Finding<T>): Finding<T> {
    this.#findings.delete(key)
    this.#findings.set(key, finding)
    if (this.#findings.size > this.#options.size) {
      for (const oldest of this.#findings.keys()) {
        this.#findings.delete(oldest)
        break
      }
    }
    return finding
  }
}
