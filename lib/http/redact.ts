/**
 * A URL fit for a message: without user name and password, and without the query of a signed URL. What cannot be
 * read as a URL is not shown at all.
 */
export function redact(url: string | URL): string {
  if (!URL.canParse(String(url))) return '(a malformed URL)'
  const shown = new URL(url)
  shown.username = ''
  shown.password = ''
  if (/sig|token|credential|expires|key/i.test(shown.search)) shown.search = ''
  return shown.href
}
