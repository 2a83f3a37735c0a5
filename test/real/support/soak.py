"""Goes on asking an Images API by Debian's python-glanceclient until its input ends.

Arguments: the version of the API, the URL of the service. Prints how many rounds it made. What a service answers
otherwise than expected ends it.
"""

import hashlib
import io
import random
import sys
import threading
import time
import uuid

version, service = sys.argv[1:]
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
chosen = random.Random(version)


def data():
    return chosen.randbytes(chosen.randrange(1, 600_000))


def equal(what, found, wanted):
    if found != wanted:
        raise AssertionError(f'{what}: {found!r}, not {wanted!r}')


def refused(call, *names, **options):
    from glanceclient import exc
    try:
        call(*names, **options)
    except exc.HTTPException as error:
        return error.code
    return 200


def settled(glance, image_id, status):
    for _ in range(1200):
        image = glance.images.get(image_id)
        if image.status == status and not image.get('os_glance_import_task'):
            return image
        time.sleep(0.05)
    raise AssertionError(f'{image_id} is {image.status}, not {status}')


def round_v2(glance):
    sent = data()
    image = glance.images.create(name='from a client', disk_format='raw', container_format='bare',
                                 tags=['soak'], os_distro='debian')
    equal('created', image.status, 'queued')
    if chosen.random() < 0.5:
        glance.images.upload(image.id, io.BytesIO(sent), image_size=len(sent))
    else:
        glance.images.stage(image.id, io.BytesIO(sent))
        glance.images.image_import(image.id, 'glance-direct')
    active = settled(glance, image.id, 'active')
    equal('digest', active.os_hash_value, hashlib.sha512(sent).hexdigest())
    equal('a second upload', refused(glance.images.upload, image.id, io.BytesIO(sent)), 409)
    equal('listed', image.id in [one.id for one in glance.images.list(
        filters={'os_distro': 'debian', 'tag': ['soak']}, page_size=5)], True)
    glance.images.update(image.id, name='renamed', remove_props=['os_distro'])
    glance.image_tags.update(image.id, 'another')
    glance.image_tags.delete(image.id, 'soak')
    glance.image_members.create(image.id, 'guest')
    glance.image_members.update(image.id, 'guest', 'accepted')
    equal('members', [one.status for one in glance.image_members.list(image.id)], ['accepted'])
    glance.image_members.delete(image.id, 'guest')
    for _ in range(3):
        equal('data', b''.join(glance.images.data(image.id)) == sent, True)
    glance.images.deactivate(image.id)
    glance.images.reactivate(image.id)
    glance.images.delete(image.id)
    equal('deleted', refused(glance.images.get, image.id), 404)
    equal('no image', refused(glance.images.delete, str(uuid.uuid4())), 404)


def round_v1(glance):
    sent = data()
    image = glance.images.create(name='from v1', disk_format='raw', container_format='bare',
                                 data=io.BytesIO(sent), is_public=True, properties={'arch': 'x86'})
    equal('created', (image.status, image.size), ('active', len(sent)))
    equal('checksum', image.checksum, hashlib.md5(sent).hexdigest())
    equal('listed', image.id in [one.id for one in glance.images.list(page_size=5)], True)
    equal('renamed', glance.images.update(image.id, name='new', purge_props=True).name, 'new')
    glance.image_members.create(image.id, 'guest', can_share=True)
    equal('members', len(list(glance.image_members.list(image=image.id))), 1)
    glance.image_members.delete(image.id, 'guest')
    for _ in range(3):
        equal('data', b''.join(glance.images.data(image.id)) == sent, True)
    glance.images.delete(image.id)
    # An administrator is shown what was deleted.
    equal('deleted', glance.images.get(image.id).status, 'deleted')


if version == '1':
    from glanceclient.v1 import client
    glance, ask = client.Client(service, token='none'), round_v1
else:
    from glanceclient.v2 import client
    glance, ask = client.Client(service, token='none'), round_v2
rounds = 0
while not over.is_set():
    ask(glance)
    rounds += 1
print(rounds)
