import { S3 } from '@aws-sdk/client-s3'
import t from 'tap'
import { type KilledStore, storeKilledSuite } from '../support/store-killed-suite.ts'
import { Ceph } from './support/ceph.ts'
import { RadosGateway } from './support/rados-gateway.ts'
import { Swift } from './support/swift.ts'

const MIB = 1024 * 1024
const [USER, KEY] = ['test:tester', 'testing']

const ending = <T extends AsyncDisposable>(part: T): T => {
  t.teardown(async () => await part[Symbol.asyncDispose]())
  return part
}
const [swift, gateway] = await Promise.all([
  Swift.start().then(ending),
  Ceph.start().then(async ceph => ending(await RadosGateway.start(ending(ceph)))),
])

let containers = 0

storeKilledSuite(
  t,
  'Swift',
  async () => {
    containers += 1
    const container = `images${containers}`
    return {
      type: 'swift',
      segment: 1000 * 1024, // What Glance calls a megabyte.
      settings: [
        'swift_store_auth_version = 1',
        `swift_store_auth_address = ${swift.url}/auth/v1.0`,
        `swift_store_user = ${USER}`,
        `swift_store_key = ${KEY}`,
        `swift_store_container = ${container}`,
        'swift_store_create_container_on_put = true',
        'swift_store_large_object_size = 2',
        'swift_store_large_object_chunk_size = 1',
      ],
      contents: async () => await objectsOf(container),
    }
  },
  3,
)

storeKilledSuite(
  t,
  "Swift's s3api",
  async () => {
    const { store, bucket, ids } = inBucketOf({ url: swift.url, accessKey: USER, secretKey: KEY })
    return {
      ...store,
      contents: async () => {
        const objects = await ids()
        // Where it keeps the parts of what is whole as well.
        const parts = await objectsOf(`${bucket}+segments`)
        return [...objects, ...parts.filter(part => !objects.some(id => part.startsWith(id)))]
      },
    }
  },
  3,
)

storeKilledSuite(t, 'radosgw', async () => inBucketOf(gateway).store, 3)

/** A store in a new bucket of a server, whose `ids` are of the objects there and of the uploads that have not ended. */
function inBucketOf({
  url,
  accessKey,
  secretKey,
}: Readonly<Record<'url' | 'accessKey' | 'secretKey', string>>) {
  containers += 1
  const bucket = `bucket${containers}`
  const s3 = new S3({
    endpoint: url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  })
  const none = { Contents: [], Uploads: [] } // There is no bucket yet.
  const ids = async () => {
    const { Contents = [] } = await s3.listObjectsV2({ Bucket: bucket }).catch(() => none)
    const { Uploads = [] } = await s3.listMultipartUploads({ Bucket: bucket }).catch(() => none)
    return [
      ...Contents.map(({ Key = '' }) => Key),
      ...Uploads.map(({ Key }) => `an upload of ${Key}`),
    ]
  }
  const store: KilledStore = {
    type: 's3',
    segment: 5 * MIB, // The least that S3 takes.
    settings: [
      `s3_store_host = ${url}`,
      `s3_store_access_key = ${accessKey}`,
      `s3_store_secret_key = ${secretKey}`,
      `s3_store_bucket = ${bucket}`,
      's3_store_create_bucket_on_put = true',
      's3_store_bucket_url_format = path',
      's3_store_large_object_size = 5',
      's3_store_large_object_chunk_size = 5',
      's3_store_thread_pools = 2',
    ],
    contents: ids,
  }
  return { store, bucket, ids }
}

/** The names in a container, as Swift itself tells them; none of one that is not there. */
async function objectsOf(container: string): Promise<readonly string[]> {
  const headers = { 'x-auth-user': USER, 'x-auth-key': KEY }
  const login = await fetch(`${swift.url}/auth/v1.0`, { headers })
  const token = login.headers.get('x-auth-token') ?? ''
  const account = login.headers.get('x-storage-url') ?? ''
  const path = `${account}/${encodeURIComponent(container)}`
  const listed = await fetch(path, { headers: { 'x-auth-token': token } })
  if (listed.status === 404) return []
  if (!listed.ok) throw new Error(`${container}: ${listed.status}`)
  return (await listed.text()).split('\n').filter(name => name !== '')
}
