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

/** What a server sent back, without the tokens that the request had in its headers. */
export function withoutTokens(text: string, headers: Readonly<Record<string, string>>): string {
  return TOKENS.reduce((text, name) => {
    const token = headers[name] ?? ''
    return token === '' ? text : text.replaceAll(token, '(secret)')
  }, text)
}

const TOKENS = ['x-auth-token', 'x-subject-token'] as const
