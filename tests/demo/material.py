"""What the demonstration publishes: a copy of the user's folder, or a film
project made on the spot, with real video."""

import os
import random
import shutil
import subprocess

from stage import Failed

FRAMES = 10000  # files in one folder
SOURCE = "testsrc2=size=1280x720:rate=25"

# name, seconds, codec: some hundred MB in a few seconds of work
CLIPS = (
    ("scenes/scene-01.nut", 2, ["-c:v", "rawvideo", "-pix_fmt", "yuv420p"]),
    ("scenes/scene-02.nut", 1, ["-c:v", "rawvideo", "-pix_fmt", "yuv420p"]),
    ("scenes/scene-03.mkv", 3, ["-c:v", "ffv1", "-pix_fmt", "yuv420p"]),
    ("scenes/scene-04.mov", 6, ["-c:v", "mjpeg", "-q:v", "2"]),
    ("scenes/master-1.nut", 5, ["-c:v", "rawvideo", "-pix_fmt", "yuv420p"]),
    ("scenes/master-2.nut", 4.4, ["-c:v", "rawvideo", "-pix_fmt", "yuv420p"]),
    ("scenes/master-3.nut", 4.8, ["-c:v", "rawvideo", "-pix_fmt", "yuv420p"]),
)


def ffmpeg(source, path, codec, live=False):
    """A started ffmpeg; live ones write as fast as a camera would."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y"]
    command += ["-re"] if live else []
    command += ["-f", "lavfi", "-i", source, *codec, path]
    try:
        return subprocess.Popen(command)
    except FileNotFoundError:
        raise Failed("ffmpeg is not installed: run `make deps`") from None


def record(path, seconds):
    """A recording that grows while it is watched."""
    return ffmpeg(f"{SOURCE}:duration={seconds}", path,
                  ["-c:v", "mjpeg", "-q:v", "2"], live=True)


def film(root, name, seconds, codec):
    clip = ffmpeg(f"{SOURCE}:duration={seconds}", f"{root}/{name}", codec)
    if clip.wait() != 0:
        raise Failed(f"ffmpeg could not make {name}")


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def make(root):
    """The film project."""
    rand = random.Random(1)
    for n in range(FRAMES):
        write(f"{root}/frames/frame-{n:05}.dat",
              rand.randbytes(rand.randrange(200, 3000)))
    for n in range(2000):
        size = rand.choice((40, 900, 6000, 30000))
        write(f"{root}/takes/day-{n % 20:02}/take-{n:04}.edl",
              rand.randbytes(size))
    for n in range(60):
        write(f"{root}/sound/track-{n:02}.wav", rand.randbytes(512 * 1024))
    write(f"{root}/notes/plan.txt", b"One: begin.\n")
    write(f"{root}/notes/Übersicht – Größen.txt", "Größen\n".encode())
    write(f"{root}/notes/empty.txt", b"")
    os.mkdir(f"{root}/exports")
    os.symlink("../notes/plan.txt", f"{root}/scenes-plan")
    os.mkdir(f"{root}/scenes")
    for name, seconds, codec in CLIPS:
        film(root, name, seconds, codec)


def parcel(root, folder, videos):
    """What the member pulls, where the user's folder has no such thing; true
    if something had to be made."""
    made = False
    if not os.path.isdir(f"{root}/{folder}"):
        made = True
        for n in range(100):
            write(f"{root}/{folder}/take-{n:04}.edl", b"take %d\n" % n * 99)
    for name, seconds, codec in CLIPS:
        if name in videos and not os.path.exists(f"{root}/{name}"):
            made = True
            os.makedirs(f"{root}/scenes", exist_ok=True)
            film(root, name, seconds, codec)
    return made


def frames(root):
    """The folder of 10,000 files, filled up where the user's has fewer."""
    os.makedirs(f"{root}/frames", exist_ok=True)
    for n in range(FRAMES):
        path = f"{root}/frames/frame-{n:05}.dat"
        if not os.path.exists(path):
            write(path, b"frame %d\n" % n)


def copy(source, root):
    """The user's folder, copied; the original is only read."""
    room = shutil.disk_usage(os.path.dirname(root)).free
    size = 0
    for d, _, names in os.walk(source):
        for n in names:
            st = os.lstat(os.path.join(d, n))
            size += st.st_blocks * 512
    if size * 1.1 + (1 << 30) > room:
        raise Failed(f"no room for a copy of {source} beside {root}")
    done = subprocess.run(
        ["cp", "-a", "--reflink=auto", "--", source + "/.", root]
    )
    if done.returncode != 0:
        raise Failed(f"cannot copy {source}")
    # What another vsync knows of that folder is not ours.
    shutil.rmtree(f"{root}/.vsync", ignore_errors=True)
