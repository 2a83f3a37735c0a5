export { bytesOf, collect, dataOf, idOf, imageOf, toArray } from '../../lib/compliance/images.ts'
