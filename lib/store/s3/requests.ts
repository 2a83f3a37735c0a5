import type {
  ListMultipartUploadsCommandOutput,
  ListObjectsV2CommandOutput,
  ListPartsCommandOutput,
  S3,
} from '@aws-sdk/client-s3'
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

/** What there is of an object that is written in parts. */
export interface S3Upload {
  readonly Key: string
  readonly UploadId: string
  /** When it was begun. */
  readonly Initiated: Date | undefined
}

/** The uploads of a bucket, to keys that begin with `prefix` if it is given, that were neither completed nor aborted. */
export async function* uploadsIn(
  s3: S3,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string | null },
  signal: AbortSignal | undefined,
): AsyncGenerator<S3Upload, void> {
  let after: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } | null = {}
  while (after !== null) {
    const page: ListMultipartUploadsCommandOutput = await s3.listMultipartUploads(
      { Bucket: bucket, ...(prefix !== null && { Prefix: prefix }), ...after },
      stoppedBy(signal),
    )
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      signal?.throwIfAborted()
      if (Key !== undefined && UploadId !== undefined) yield { Key, UploadId, Initiated }
    }
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page
    const isLast = page.IsTruncated !== true || KeyMarker === undefined
    after = isLast ? null : { KeyMarker, ...(UploadIdMarker !== undefined && { UploadIdMarker }) }
  }
}

/** The objects of a bucket, in the order of their keys. */
export async function* objectsIn(
  s3: S3,
  bucket: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<
  { readonly key: string; readonly size: number; readonly modifiedAt: Date },
  void
> {
  let token: string | undefined
  do {
    const page: ListObjectsV2CommandOutput = await s3.listObjectsV2(
      { Bucket: bucket, ...(token !== undefined && { ContinuationToken: token }) },
      stoppedBy(signal),
    )
    for (const { Key, Size = 0, LastModified } of page.Contents ?? []) {
      signal?.throwIfAborted()
      // What has no time is as good as new.
      if (Key !== undefined) yield { key: Key, size: Size, modifiedAt: LastModified ?? new Date() }
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined
  } while (token !== undefined)
}

/** What parts of an upload there are: bytes of all, and when the last of them came. Nothing of one that is gone. */
export async function partsOf(
  s3: S3,
  upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string },
  signal: AbortSignal | undefined,
): Promise<{ readonly size: number; readonly lastAt: Date | undefined }> {
  let size = 0
  let lastAt: Date | undefined
  let marker: string | undefined
  try {
    do {
      const after = marker === undefined ? {} : { PartNumberMarker: marker }
      const page: ListPartsCommandOutput = await s3.listParts(
        { ...upload, ...after },
        stoppedBy(signal),
      )
      for (const { Size = 0, LastModified } of page.Parts ?? []) {
        size += Size
        if (lastAt === undefined || (LastModified ?? lastAt) > lastAt) lastAt = LastModified
      }
      marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined
    } while (marker !== undefined)
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
  return { size, lastAt }
}

/** A signal, as the SDK wants it. */
export function stoppedBy(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal }
}
