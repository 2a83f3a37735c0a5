import { openDatabase } from '../lib/database/open.ts'
import { images } from './images.ts'

/** `node dist/bench/write-images.js COUNT`: writes so many images to the database at `BENCH_CONNECTION`. */
const connection = process.env['BENCH_CONNECTION'] ?? ''
await using database = await openDatabase({ dataApi: null, connection })
await database.migrate()
await database.images.insertAll(images(Number(process.argv[2]), 5))
