/** Parameters that only signed URLs have: those of S3, Azure, Google and Swift's temporary URLs, and tokens. */
const SIGNING = /^(x-(amz|goog)-.*|sig|signature|awsaccesskeyid|temp_url_.*|.*token)$/i

/**
 * A URL fit for a message: without user name and password, and without the query of a signed URL. What cannot be
 * read as a URL is not shown at all, and of the location of an S3 object only the scheme: its secret may have any
 * character, and where it ends is told by nothing.
 */
export function redact(url: string | URL): string {
  const [s3] = /^s3(?:\+https?)?:\/\//i.exec(String(url)) ?? []
  if (s3 !== undefined) return `${s3}…`
  if (!URL.canParse(String(url))) return '(a malformed URL)'
  const shown = new URL(url)
  shown.username = ''
  shown.password = ''
  if ([...shown.searchParams.keys()].some(name => SIGNING.test(name))) shown.search = ''
  return shown.href
}

/**
 * An address as people type it, fit for a message: without what stands before the last `@` of a server's, with a scheme or
 * without, since passwords hold any character. Paths and the names of clouds are as they are.
 */
export function withoutCredentials(address: string): string {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(address) ?? []
  const isServer = scheme !== '' || !/^(dir|tar|cloud):|^[./]/.test(rest)
  return isServer ? scheme + rest.slice(rest.lastIndexOf('@') + 1) : address
}

/** What a server sent back, without the tokens that the request had in its headers, also as they are written in a URL. */
export function withoutTokens(text: string, headers: Readonly<Record<string, string>>): string {
  return TOKENS.reduce((text, name) => {
    const token = headers[name] ?? ''
    if (token === '') return text
    const encoded = encodeURIComponent(token)
    const lower = encoded.replaceAll(/%../g, escape => escape.toLowerCase())
    return [token, encoded, lower].reduce((text, form) => text.replaceAll(form, '(secret)'), text)
  }, text)
}

const TOKENS = ['x-auth-token', 'x-subject-token'] as const
