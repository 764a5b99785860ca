// A bedside device in twenty lines: npm install zeromq; node feeder.js tcp://127.0.0.1:5600 [seconds]
const zmq = require("zeromq");

const BED = "feeder-js", FS = 250, N = 10; // 10 samples every 40 ms
const stream = Date.now(); // a new number each time the device starts
const now = () => BigInt(Date.now()) * 1000000n;
const json = (kind, content) => [BED, Buffer.concat([Buffer.from("BL\x01" + kind), Buffer.from(JSON.stringify(content))])];

async function feed(endpoint, seconds) {
  const socket = new zmq.Publisher();
  socket.connect(endpoint);
  const start = Date.now(), packets = Math.floor((seconds * FS) / N);
  for (let sequence = 0; sequence < packets; sequence++) {
    const index = sequence * N;
    if (sequence % 25 === 0) // once a second: what this stream is
      await socket.send(json("H", { stream, fs: FS, leads: ["II"], gain: [1000], baseline: [0], unit: "mV", sequence, index, device_time_ns: Number(now()) }));
    await new Promise((done) => setTimeout(done, Math.max(0, start + ((index + N) * 1000) / FS - Date.now())));
    const frame = Buffer.alloc(40 + 2 * N); // one lead
    frame.write("BL\x01S", "latin1");
    frame.writeUInt16LE(N, 4);
    frame.writeUInt16LE(1, 6);
    [BigInt(stream), BigInt(sequence), BigInt(index), now()].forEach((value, k) => frame.writeBigUInt64LE(value, 8 + 8 * k));
    for (let i = 0; i < N; i++) frame.writeInt16LE(Math.round(1000 * Math.exp(-((((((index + i) / FS) % 0.8) - 0.4) / 0.012) ** 2))), 40 + 2 * i);
    await socket.send([BED, frame]);
  }
  await socket.send(json("B", { stream, total: packets * N }));
}

feed(process.argv[2], Number(process.argv[3] || 60));
