import { createHash, type Hash } from 'node:crypto'
import type { DigestAlgorithm } from '../image/digest.ts'

/** A hash by an algorithm, which Node knows by another name than Glance, that calls them as Python does. */
export function hashBy(algorithm: DigestAlgorithm): Hash {
  if (algorithm === 'blake2b') return createHash('blake2b512')
  if (algorithm === 'blake2s') return createHash('blake2s256')
  return createHash(algorithm.replace('_', '-'))
}
