import { GlanceError } from '../../errors.ts'
import { schemeOf } from '../location.ts'

/** The schemes of Swift's locations; without `+http` it is https. */
export const SWIFT_SCHEMES = ['swift+https', 'swift', 'swift+http', 'swift+config'] as const

/** Where an object is, and who may get at it. */
export type SwiftLocation = {
  readonly container: string
  readonly object: string
} & (
  | {
      /** Credentials and the URL at which they are used. */
      readonly type: 'account'
      readonly authUrl: string
      readonly user: string
      readonly key: string
    }
  /** The name of an account. */
  | { readonly type: 'reference'; readonly reference: string }
  /** The URL of an account, for whoever has a token. */
  | { readonly type: 'storage'; readonly storageUrl: string }
)

/** The URL of a location, as Glance writes it. */
export function swiftUrl(location: SwiftLocation): string {
  const path = `${location.container}/${location.object}`
  if (location.type === 'reference') return `swift+config://${location.reference}/${path}`
  const url = location.type === 'account' ? location.authUrl : location.storageUrl
  const scheme = /^http:/i.test(url) ? 'swift+http' : 'swift+https'
  const where = withoutScheme(url).replaceAll(/^\/+|\/+$/g, '')
  const who = location.type === 'account' ? `${quoted(location.user)}:${quoted(location.key)}@` : ''
  return `${scheme}://${who}${where}/${path}`
}

/**
 * The location that a URL is of. @throws {GlanceError} `invalid` for one that Glance would not read; the message
 * does not have the URL, which may hold a password.
 */
export function parseSwiftUrl(url: string): SwiftLocation {
  const scheme = schemeOf(url)
  if (!SWIFT_SCHEMES.some(known => known === scheme)) {
    throw malformed(`a Swift store does not read ${scheme}: locations`)
  }
  const [, rest = '', more] = url.split('://')
  if (more !== undefined) {
    throw malformed(
      'a Swift location cannot contain more than one occurrence of a scheme; use swift+http: rather than swift://user:key@http:',
    )
  }
  // Quoted names have no @; a key that is not quoted may have a slash before it.
  const at = rest.indexOf('@')
  const [where = '', ...path] = rest.slice(at + 1).split('/')
  const object = path.pop() ?? ''
  const container = path.pop() ?? ''
  if (where === '' || !isName(container) || !isName(object)) {
    throw malformed('a Swift location has a host, a container and an object')
  }
  if (scheme === 'swift+config') {
    if (at >= 0) throw malformed('a location of swift+config: has a name and no credentials')
    return { type: 'reference', reference: where, container, object }
  }
  const protocol = scheme === 'swift+http' ? 'http' : 'https'
  const base = `${protocol}://${[where, ...path].join('/')}`
  if (!URL.canParse(base)) throw malformed('a Swift location has no proper host')
  if (at < 0) return { type: 'storage', storageUrl: base, container, object }
  const credentials = rest.slice(0, at)
  const colon = credentials.lastIndexOf(':')
  if (colon < 0) throw malformed('badly formed credentials in a Swift location: user:key@')
  return {
    type: 'account',
    authUrl: base,
    user: unquoted(credentials.slice(0, colon)),
    key: unquoted(credentials.slice(colon + 1)),
    container,
    object,
  }
}

/** What would lead elsewhere as part of a path is none. */
function isName(text: string): boolean {
  return text !== '' && text !== '.' && text !== '..'
}

/** The URL of an address that may have no scheme, which is https then; without a slash at its end. */
export function addressUrl(address: string): string {
  const url = /^https?:\/\//i.test(address) ? address : `https://${address}`
  return url.replace(/\/+$/, '')
}

function withoutScheme(url: string): string {
  return url.replace(/^https?:\/\//i, '')
}

/** As Python's `quote`, but for the slash: Glance leaves it as it is, and then cannot read what it wrote. */
function quoted(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** As Python's `unquote`: what is no escape stays. */
function unquoted(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function malformed(message: string): GlanceError {
  return new GlanceError('invalid', message)
}
