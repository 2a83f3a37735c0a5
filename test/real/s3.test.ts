import dns from 'node:dns'
import { S3 } from '@aws-sdk/client-s3'
import t from 'tap'
import { bytesOf, collect, patternedBytes } from '../../lib/compliance/bytes.ts'
import { storeSuite } from '../../lib/compliance/store-suite.ts'
import { messageOf } from '../../lib/errors.ts'
import type { S3Settings } from '../../lib/store/s3/settings.ts'
import { S3Store } from '../../lib/store/s3/store.ts'
import { Ceph } from './support/ceph.ts'
import { RadosGateway } from './support/rados-gateway.ts'
import { Swift } from './support/swift.ts'

const ID = 'aaaaaaaa-0000-4000-8000-000000000001'
/** Bytes: less than what S3 servers take, unless they are told otherwise as these are. */
const PART = 1024 * 1024

interface Server {
  readonly url: string
  /** In which it finds the name of a bucket. */
  readonly domain: string
  readonly accessKey: string
  readonly secretKey: string
  /** Says how many bytes its user may have in all; null is as many as there are. */
  readonly limit?: (bytes: number | null) => Promise<void>
}

const ending = <T extends AsyncDisposable>(part: T): T => {
  t.teardown(async () => await part[Symbol.asyncDispose]())
  return part
}
const [gateway, swift] = await Promise.all([
  Ceph.start().then(async ceph => ending(await RadosGateway.start(ending(ceph)))),
  Swift.start().then(ending),
])

const SERVERS: Readonly<Record<string, Server>> = {
  radosgw: {
    url: gateway.url,
    domain: gateway.domain,
    accessKey: gateway.accessKey,
    secretKey: gateway.secretKey,
    limit: async bytes => await gateway.limit(bytes),
  },
  "Swift's s3api": {
    url: swift.url,
    domain: 's3.test',
    accessKey: 'test:tester',
    secretKey: 'testing',
  },
}

// The names of buckets, which an operator has in the DNS.
const { lookup } = dns
dns.lookup = Object.assign(
  (name: string, ...rest: [never, never]) =>
    lookup(name.endsWith('.s3.test') || name === 's3.test' ? '127.0.0.1' : name, ...rest),
  lookup,
)

let buckets = 0

for (const [name, server] of Object.entries(SERVERS)) {
  const settingsOf = (options: Partial<S3Settings> = {}): S3Settings => {
    buckets += 1
    return {
      endpoint: server.url,
      accessKey: server.accessKey,
      secretKey: server.secretKey,
      bucket: `glance-${buckets}`,
      createBucketOnPut: true,
      virtualHost: false,
      region: null,
      caFile: null,
      largeObjectSize: PART,
      largeObjectChunkSize: PART,
      threadPools: 2,
      ...options,
    }
  }
  /** The server, asked by nothing of ours. */
  const client = new S3({
    endpoint: server.url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
  })
  t.teardown(() => client.destroy())
  /** Objects, and uploads that were not ended. */
  const contentsOf = async (Bucket: string): Promise<string[]> => {
    const { Contents = [] } = await client.listObjectsV2({ Bucket })
    const { Uploads = [] } = await client.listMultipartUploads({ Bucket })
    return [...Contents.map(({ Key = '' }) => Key), ...Uploads.map(({ Key }) => `parts of ${Key}`)]
  }

  t.test(`a store in ${name}`, async t => {
    storeSuite(t, {
      segment: PART,
      create: async () => {
        const settings = settingsOf()
        const Bucket = settings.bucket
        await client.createBucket({ Bucket })
        const { limit } = server
        return {
          store: await S3Store.open('s3', settings),
          contents: async () => await contentsOf(Bucket),
          cutOff: async Key => {
            const { UploadId } = await client.createMultipartUpload({ Bucket, Key })
            await client.uploadPart({ Bucket, Key, UploadId, PartNumber: 1, Body: 'abc' })
          },
          ...(limit !== undefined && {
            whileFull: async (bytes: number, work: () => Promise<void>) => {
              await limit(bytes)
              try {
                await work()
              } finally {
                await limit(null)
              }
            },
          }),
        }
      },
      skip: {
        'recovery removes what a crash left of a write': 'uploads count as left only after a day',
        ...(server.limit === undefined && {
          'a store that is full says so and keeps what it has': 'it has no limit of a user',
        }),
      },
    })

    t.test('makes its bucket with the first image, where that is wanted', async t => {
      for (const size of [3, 2 * PART]) {
        const settings = settingsOf()
        await using store = await S3Store.open('s3', settings)
        await using other = await S3Store.open('s3', { ...settings, createBucketOnPut: false })
        await t.rejects(other.add(ID, patternedBytes(size), size), {
          code: 'unavailable',
          message: new RegExp(`no bucket ${settings.bucket}: .*s3_store_create_bucket_on_put`),
        })
        await store.recover()
        t.equal((await store.add(ID, patternedBytes(size), size)).size, size)
        t.strictSame(await contentsOf(settings.bucket), [ID])
      }
    })

    t.test('has the bucket in the name of the server, where that is wanted', async t => {
      const endpoint = server.url.replace('127.0.0.1', server.domain)
      await using store = await S3Store.open('s3', settingsOf({ endpoint, virtualHost: true }))
      const size = 2 * PART + 1
      const { location } = await store.add(ID, patternedBytes(size), null)
      const found = await collect(await store.open(location, { offset: PART - 1, length: 3 }))
      t.ok(found.equals((await collect(patternedBytes(size))).subarray(PART - 1, PART + 2)))
      await store.delete(location)
      await t.rejects(store.size(location), { code: 'not_found' })
    })

    t.test('says who is refused, and not by which secret', async t => {
      const settings = settingsOf()
      await using store = await S3Store.open('s3', settings)
      const { location } = await store.add(ID, bytesOf('abc'), 3)
      await using stranger = await S3Store.open('s3', { ...settings, secretKey: 'open-sesame' })
      const wrong = { url: location.url.replace(server.secretKey, 'open-sesame') }
      for (const work of [
        async () => await stranger.add(ID, bytesOf('abc'), 3),
        async () => await stranger.size(stranger.locate(ID)),
        async () => await store.open(wrong),
        async () => await store.delete(wrong),
      ]) {
        const message = await work().then(
          () => 'nothing wrong',
          (error: unknown) => messageOf(error),
        )
        t.match(message, /^store s3: .* 403/)
        t.notMatch(message, /open-sesame/)
      }
    })
  })
}
