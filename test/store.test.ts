/**
 * Where the server keeps the bytes of images.
 * One process for them all, since each costs more to start than most of its tests.
 */
import './store/compliance.test.ts'
import './store/examples.test.ts'
import './store/http.test.ts'
import './store/rbd.test.ts'
import './store/s3.test.ts'
import './store/settings.test.ts'
import './store/store.test.ts'
import './store/swift-tenants.test.ts'
import './store/swift.test.ts'
