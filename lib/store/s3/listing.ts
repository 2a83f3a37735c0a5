import type { S3 } from '@aws-sdk/client-s3'
import { isImageId } from '../location.ts'
import type { StoredData } from '../store.ts'
import { isMissingBucket, isWithoutUploads } from './faults.ts'
import { s3Location } from './location.ts'
import { objectsIn, partsOf, uploadsIn } from './requests.ts'
import type { S3Settings } from './settings.ts'

/** The images of a bucket, and then what parts there are of those that nobody has put together. */
export async function* storedIn(
  s3: S3,
  settings: S3Settings,
  signal: AbortSignal | undefined,
): AsyncGenerator<StoredData, void> {
  try {
    for await (const { key, size, modifiedAt } of objectsIn(s3, settings.bucket, signal)) {
      if (isImageId(key)) yield { ...named(settings, key), size, modifiedAt, isWhole: true }
    }
  } catch (error) {
    if (!isMissingBucket(error)) throw error
  }
  try {
    for await (const upload of uploadsIn(s3, { bucket: settings.bucket, prefix: null }, signal)) {
      const { Key, UploadId, Initiated = new Date() } = upload
      if (!isImageId(Key)) continue
      const parts = await partsOf(s3, { Bucket: settings.bucket, Key, UploadId }, signal)
      const modifiedAt = parts.lastAt ?? Initiated
      yield { ...named(settings, Key), size: parts.size, modifiedAt, isWhole: false }
    }
  } catch (error) {
    if (!isWithoutUploads(error)) throw error
  }
}

function named(settings: S3Settings, key: string): Pick<StoredData, 'id' | 'location'> {
  return { id: key.toLowerCase(), location: s3Location(settings, key) }
}
