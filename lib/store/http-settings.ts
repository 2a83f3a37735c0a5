import { GlanceError } from '../errors.ts'
import { DIRECT, proxyUrl, type ProxyRule } from '../http/proxies.ts'
import type { NamedFile } from '../http/tls.ts'
import { booleanOption, type StoreOptions } from './options.ts'

/** How an http store gets to the servers that it reads from. */
export interface HttpSettings {
  /** A file of authorities to trust in place of the system's. */
  readonly cacert: NamedFile | undefined
  /** Whether any certificate is believed. */
  readonly insecure: boolean
  readonly proxies: ProxyRule
}

const CA_FILE = 'https_ca_certificates_file'
const INSECURE = 'https_insecure'
const PROXIES = 'http_proxy_information'

/** All of Glance's options of an http store. */
export const HTTP_OPTIONS: readonly string[] = [CA_FILE, INSECURE, PROXIES]

/**
 * The settings by the names of Glance's options. Certificates are checked unless it is said that they are not, which
 * Glance does unless it is said that they are. @throws {GlanceError} `usage`, naming the option, without a proxy, which
 * may have a password.
 */
export function httpSettings(options: StoreOptions): HttpSettings {
  const path = options[CA_FILE]?.trim() ?? ''
  const insecure = booleanOption(options, INSECURE)
  return {
    cacert: path === '' ? undefined : { path, by: CA_FILE },
    insecure: path === '' && insecure, // As Glance: with a file the other option does not count.
    proxies: proxiesIn(options[PROXIES] ?? ''),
  }
}

/** `scheme:proxy,scheme:proxy`, as in `http:10.0.0.1:3128,https:10.0.0.1:1080`. */
function proxiesIn(text: string): ProxyRule {
  const pairs = text.split(/[,\n]/).map(pair => pair.trim().replace(/^(["'])(.*)\1$/, '$2'))
  const proxies = new Map<string, URL>()
  for (const pair of pairs) {
    if (pair === '') continue
    const [, scheme = '', proxy = ''] = /^(http|https|all)\s*:\s*(\S.*)$/i.exec(pair) ?? []
    const url = proxyUrl(proxy)
    if (url === undefined) {
      const message = `${PROXIES}: expected scheme:proxy,… with http, https or all and the address of an http proxy, as in http:10.0.0.1:3128`
      throw new GlanceError('usage', message)
    }
    proxies.set(`${scheme.toLowerCase()}:`, url)
  }
  if (proxies.size === 0) return DIRECT
  return ({ protocol }) => proxies.get(protocol) ?? proxies.get('all:')
}
