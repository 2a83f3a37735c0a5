import { GlanceError } from '../../errors.ts'
import { schemeOf } from '../location.ts'
import type { Location } from '../store.ts'
import type { S3Settings } from './settings.ts'

/** Schemes of the S3 stores' URLs; Glance writes the first for `http` and the last for `https`, and reads all. */
export const S3_SCHEMES = ['s3', 's3+http', 's3+https'] as const

/** By whom an object is asked for. */
export interface S3Credentials {
  readonly accessKey: string
  readonly secretKey: string
}

/** What a location says. */
export interface S3Object {
  readonly secure: boolean
  /** Host with port and path; which of a server's names it is says nothing about the object. */
  readonly host: string
  readonly bucket: string
  readonly key: string
  /** Null: nobody's. The object is then one that anybody may read. */
  readonly credentials: S3Credentials | null
}

/** The location of an object as Glance writes it: with the credentials, and nothing of them escaped. */
export function s3Location(
  { endpoint, accessKey, secretKey, bucket }: S3Settings,
  key: string,
): Location {
  const scheme = endpoint.startsWith('https:') ? 's3+https' : 's3'
  return { url: `${scheme}://${accessKey}:${secretKey}@${hostOf(endpoint)}/${bucket}/${key}` }
}

/** An endpoint without its scheme. */
export function hostOf(endpoint: string): string {
  return endpoint.replace(/^https?:\/\//, '')
}

/**
 * Takes the URL of an S3 object apart: `s3://ACCESS:SECRET@host[:port][/path]/bucket/key`. Secrets may have any character,
 * as Amazon's have slashes: what stands before the last `@` is the credentials. An access key ends at the first colon,
 * but for `own`, which are known.
 * @throws {GlanceError} `invalid`, without the URL, which holds a secret.
 */
export function parseS3Location({ url }: Location, own: S3Credentials): S3Object {
  const scheme = schemeOf(url)
  if (!S3_SCHEMES.some(known => known === scheme)) {
    throw new GlanceError('invalid', `an S3 store does not read ${scheme}: locations`)
  }
  if (!url.slice(scheme.length).startsWith('://')) throw malformed()
  const rest = url.slice(scheme.length + '://'.length)
  const at = rest.lastIndexOf('@')
  const place = rest.slice(at + 1)
  if (place.includes('://')) {
    const hint = `expected s3+https://ACCESS:SECRET@host/bucket/key for a server with TLS`
    throw new GlanceError('invalid', `the location of an S3 object has a scheme twice: ${hint}`)
  }
  const parts = place.replaceAll(/^\/+|\/+$/g, '').split('/')
  const key = parts.pop() ?? ''
  const bucket = parts.pop() ?? ''
  const host = parts.join('/')
  if (key === '' || bucket === '' || host === '') throw malformed()
  const credentials = at < 0 ? null : credentialsIn(rest.slice(0, at), own)
  return { secure: scheme === 's3+https', host, bucket, key, credentials }
}

function credentialsIn(text: string, own: S3Credentials): S3Credentials {
  if (text === `${own.accessKey}:${own.secretKey}`) return own
  const colon = text.indexOf(':')
  if (colon < 1 || colon === text.length - 1) throw malformed()
  return { accessKey: text.slice(0, colon), secretKey: text.slice(colon + 1) }
}

function malformed(): GlanceError {
  const form = 's3://ACCESS:SECRET@host/bucket/key'
  return new GlanceError('invalid', `the location of an S3 object is not of the form ${form}`)
}
