import { readFile } from 'node:fs/promises'
import type { S3 } from '@aws-sdk/client-s3'
import { GlanceError, messageOf } from '../../errors.ts'
import type { S3Credentials } from './location.ts'
import type { S3Settings } from './settings.ts'

/** What servers without regions take, and Amazon's first. */
const DEFAULT_REGION = 'us-east-1'
/** Milliseconds. */
const CONNECT_TIMEOUT = 10_000
/** Milliseconds without a byte either way. */
const IDLE_TIMEOUT = 60_000

/** The SDK's client for a server, by any credentials, over the same connections. */
export interface S3Clients extends Disposable {
  readonly own: S3
  /** Null: requests are not signed. */
  as(credentials: S3Credentials | null): S3
}

/**
 * Loads the SDK, which takes a while: only who has such a store waits for it.
 * @throws {GlanceError} `usage` when the file of authorities cannot be read.
 */
export async function openClients(settings: S3Settings): Promise<S3Clients> {
  // Which Node the SDK's later versions want is nothing that an operator could act on.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const { S3 } = await import('@aws-sdk/client-s3')
  const ca = settings.caFile === null ? null : await readAuthorities(settings.caFile)
  const agent = { keepAlive: true, maxSockets: Infinity } // A reader holds one for as long as it likes.
  const common = {
    endpoint: settings.endpoint,
    region: settings.region ?? DEFAULT_REGION,
    forcePathStyle: !settings.virtualHost,
    // Checksums in trailers are Amazon's alone: the signature covers the bytes already.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 3,
  } as const
  const signing = ({ accessKey, secretKey }: S3Credentials) => ({
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  })
  const own = new S3({
    ...common,
    ...signing(settings),
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT,
      socketTimeout: IDLE_TIMEOUT,
      httpAgent: agent,
      httpsAgent: ca === null ? agent : { ...agent, ca },
    },
  })
  const { requestHandler } = own.config
  return {
    own,
    as: credentials => {
      if (credentials === settings) return own
      if (credentials === null) return new S3({ ...common, requestHandler, ...UNSIGNED })
      return new S3({ ...common, requestHandler, ...signing(credentials) })
    },
    [Symbol.dispose]: () => own.destroy(),
  }
}

/** The SDK has no setting for requests that are not signed, but takes another signer. */
const UNSIGNED = {
  credentials: { accessKeyId: '', secretAccessKey: '' },
  signer: { sign: async <T>(request: T): Promise<T> => request },
}

async function readAuthorities(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    const message = `s3_store_cacert: ${path} cannot be read: ${messageOf(error)}`
    throw new GlanceError('usage', message, { cause: error })
  }
}
