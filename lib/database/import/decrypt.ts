import { createDecipheriv } from 'node:crypto'
import { GlanceError } from '../../errors.ts'

/** Ciphers by the bytes of their key. */
const CIPHERS: Readonly<Record<number, string>> = {
  16: 'aes-128-cbc',
  24: 'aes-192-cbc',
  32: 'aes-256-cbc',
}

const BLOCK = 16

/**
 * What decrypts locations that a Glance with this `metadata_encryption_key` wrote: base64url of an initial vector and
 * what AES made of the URL, of a NUL and of padding (glance/common/crypt.py).
 * @throws {GlanceError} `usage` for a key that AES does not take; what it gives, `invalid` for text that this key did
 * not write.
 */
export function decrypterFor(key: string): (text: string) => string {
  const bytes = Buffer.from(key, 'utf8')
  const cipher = CIPHERS[bytes.length]
  if (cipher === undefined) {
    const message = `a metadata_encryption_key has 16, 24 or 32 bytes, not ${bytes.length}`
    throw new GlanceError('usage', message)
  }
  return text => {
    const data = Buffer.from(text, 'base64url')
    const [vector, encrypted] = [data.subarray(0, BLOCK), data.subarray(BLOCK)]
    if (!isEncrypted(text)) throw wrongKey()
    const decipher = createDecipheriv(cipher, bytes, vector).setAutoPadding(false)
    const padded = Buffer.concat([decipher.update(encrypted), decipher.final()])
    const url = padded.subarray(0, Math.max(0, padded.lastIndexOf(0))).toString('utf8')
    if (!isUrl(url)) throw wrongKey()
    return url
  }
}

/** Whether a location is a URL as it stands. What is encrypted has no colon. */
export function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(text) && !text.includes('\uFFFD')
}

/** Whether a location may be an encrypted one: base64url of an initial vector and of whole blocks. */
export function isEncrypted(text: string): boolean {
  if (!/^[a-z0-9_-]+={0,2}$/i.test(text)) return false
  const { length } = Buffer.from(text, 'base64url')
  return length > BLOCK && length % BLOCK === 0
}

function wrongKey(): GlanceError {
  return new GlanceError('invalid', 'an encrypted location cannot be decrypted with this key')
}
