"""A bedside device in twenty lines: python feeder.py tcp://127.0.0.1:5600 [seconds]. Needs pyzmq alone."""

import json
import math
import struct
import sys
import time

import zmq

BED, FS, N = b"feeder-py", 250, 10  # 10 samples every 40 ms
stream = time.time_ns() // 1_000_000  # a new number each time the device starts
socket = zmq.Context().socket(zmq.PUB)
socket.connect(sys.argv[1])
start = time.time()
for sequence in range(int(float(sys.argv[2] if len(sys.argv) > 2 else 60) * FS / N)):
    index = sequence * N
    if sequence % 25 == 0:  # once a second: what this stream is
        hello = {"stream": stream, "fs": FS, "leads": ["II"], "gain": [1000], "baseline": [0], "unit": "mV"}
        hello |= {"sequence": sequence, "index": index, "device_time_ns": time.time_ns()}
        socket.send_multipart([BED, b"BL\x01H" + json.dumps(hello).encode()])
    time.sleep(max(0, start + (index + N) / FS - time.time()))  # a real device waits for its converter
    beat = [math.exp(-((((i / FS) % 0.8 - 0.4) / 0.012) ** 2)) for i in range(index, index + N)]
    header = struct.pack("<2sBcHHQQQq", b"BL", 1, b"S", N, 1, stream, sequence, index, time.time_ns())
    socket.send_multipart([BED, header + struct.pack(f"<{N}h", *(round(1000 * mv) for mv in beat))])
bye = {"stream": stream, "total": index + N}
socket.send_multipart([BED, b"BL\x01B" + json.dumps(bye).encode()])
