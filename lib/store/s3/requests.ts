import type { ListMultipartUploadsCommandOutput, S3 } from '@aws-sdk/client-s3'
import { answerOf, isAbsent } from './faults.ts'
import type { S3Settings } from './settings.ts'

/**
 * Removes an upload and its parts. Asks until it is gone, since a part that arrives meanwhile may be kept, as S3's
 * reference of AbortMultipartUpload says.
 */
export async function abortUpload(
  s3: S3,
  upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string },
  { attempts = 3 }: { readonly attempts?: number } = {},
): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    try {
      await s3.abortMultipartUpload(upload)
      const { Parts = [] } = await s3.listParts(upload)
      if (Parts.length === 0) return
    } catch (error) {
      if (isAbsent(error)) return
      throw error
    }
  }
}

/** Makes the bucket, unless another writer of ours was faster. */
export async function makeBucket(s3: S3, { bucket, region }: S3Settings): Promise<void> {
  // S3's reference of CreateBucket: the first region is the one that is not named.
  const isNamed = region !== null && region !== 'us-east-1'
  try {
    await s3.createBucket({
      Bucket: bucket,
      ...(isNamed && {
        // Regions come and go: the SDK's list is not all there are.
        CreateBucketConfiguration: { LocationConstraint: region as 'eu-west-1' },
      }),
    })
  } catch (error) {
    if (answerOf(error)?.code !== 'BucketAlreadyOwnedByYou') throw error
  }
}

/** The uploads of a bucket that were neither completed nor aborted. */
export async function* uploadsIn(
  s3: S3,
  bucket: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly Key: string; readonly UploadId: string }, void> {
  let after: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } | null = {}
  while (after !== null) {
    const page: ListMultipartUploadsCommandOutput = await s3.listMultipartUploads(
      { Bucket: bucket, ...after },
      stoppedBy(signal),
    )
    for (const { Key, UploadId } of page.Uploads ?? []) {
      signal?.throwIfAborted()
      if (Key !== undefined && UploadId !== undefined) yield { Key, UploadId }
    }
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page
    const isLast = page.IsTruncated !== true || KeyMarker === undefined
    after = isLast ? null : { KeyMarker, ...(UploadIdMarker !== undefined && { UploadIdMarker }) }
  }
}

/** A signal, as the SDK wants it. */
export function stoppedBy(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal }
}
