BEGIN TRANSACTION;
CREATE TABLE census (root BLOB PRIMARY KEY, files BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO "census" VALUES(X'2F66696C6D73',X'7061636B6564');
CREATE TABLE checked (
    target BLOB PRIMARY KEY, at TEXT NOT NULL, how TEXT NOT NULL, fault TEXT
) WITHOUT ROWID;
INSERT INTO "checked" VALUES(X'2F6F75742FFF0AE280AE2E6D6B76','2026-11-22T20:00:00+00:00','decode digest','its bytes changed');
CREATE TABLE clips (
    fingerprint TEXT PRIMARY KEY, source BLOB NOT NULL, origin BLOB NOT NULL, path BLOB NOT NULL,
    size_bytes INTEGER NOT NULL, made_at TEXT NOT NULL, facts TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "clips" VALUES('print',X'66696C6D732FFF2E6D6B76',X'2F66696C6D732FFF2E6D6B76',X'2F6F75742FFF0AE280AE2E6D6B76',77,'2026-11-22T20:00:00+00:00','{"content_key":"9-key","settings":{"encoder":"libsvtav1","crf":27.25,"preset":4,"film_grain":8,"film_grain_denoise":false,"tune":"vq","keyint":"240","bit_depth":10,"deinterlace":"bwdif","params":[["enable-tf","0"]],"container":"mp4","accept":["chroma"],"max_size_ratio":0.75,"force":true,"target":{"floor":{"metric":"vmaf","statistic":"p5","value":92.5},"crf_min":20,"crf_max":40,"otherwise":"skip"},"film_grain_auto":true,"verify":{"floors":[{"metric":"vmaf","statistic":"p5","value":92.5}],"scope":"whole"}},"rule":"all","review":"canary(3)","pieces":[{"kind":"dark","start_s":1.5,"end_s":4.5,"frames":72,"reason":"dark"}],"frames":72,"duration_s":3.0,"source_bytes":900,"projected_bytes":300,"scores":[{"metric":"vmaf","model":"vmaf_v0.6.1","mean":95.5,"harmonic_mean":95.25,"p1":90.5,"p5":92.5,"worst_second":[89.5,12.0],"frames":144,"per_second":[95.0,96.0],"caveats":["few pictures"]}],"score_problem":"one is missing","command":"ffmpeg","tools":{"ffmpeg":"9.0","encoder":"libsvtav1","encoder_version":"v4.2"},"encode_s":2.5,"notes":["a note"],"is_variant":true,"source_tier":"remux"}');
CREATE TABLE forecasts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER, target BLOB NOT NULL, at TEXT NOT NULL,
    encoder TEXT NOT NULL, preset INTEGER NOT NULL, resolution TEXT, source_tier TEXT,
    level INTEGER, encodes INTEGER NOT NULL, jobs INTEGER NOT NULL,
    low_s REAL NOT NULL, mid_s REAL NOT NULL, high_s REAL NOT NULL, took_s REAL NOT NULL,
    low_bytes REAL NOT NULL, mid_bytes REAL NOT NULL, high_bytes REAL NOT NULL,
    came_bytes INTEGER NOT NULL, source_bytes INTEGER NOT NULL
);
INSERT INTO "forecasts" VALUES(1,1,X'2F6F75742FFF0AE280AE2E6D6B76','2026-11-22T20:00:00+00:00','libsvtav1',4,'1080p','remux',2,7,3,1.5,2.5,3.5,2.75,10.5,20.5,30.5,21,900);
CREATE TABLE health (
    content_key TEXT PRIMARY KEY, source BLOB NOT NULL, at TEXT NOT NULL, fault TEXT
) WITHOUT ROWID;
INSERT INTO "health" VALUES('9-key',X'66696C6D732FFF2E6D6B76','2026-11-22T20:00:00+00:00','ends after 12:05');
CREATE TABLE in_hand (folder BLOB PRIMARY KEY, source BLOB NOT NULL, row TEXT, receipt BLOB);
INSERT INTO "in_hand" VALUES(X'2F6F75742F2E61763172756C65732D31',X'66696C6D732FFF2E6D6B76','["2f6f75742fff0ae280ae2e6d6b76","66696c6d732fff2e6d6b76","2f66696c6d732fff2e6d6b76","9-key","xxh3-128:00",900,"{\"accept\":[\"chroma\"],\"bit_depth\":10,\"container\":\"mp4\",\"crf\":27.25,\"deinterlace\":\"bwdif\",\"encoder\":\"libsvtav1\",\"film_grain\":8,\"film_grain_auto\":true,\"film_grain_denoise\":false,\"force\":true,\"keyint\":\"240\",\"max_size_ratio\":0.75,\"params\":[[\"enable-tf\",\"0\"]],\"preset\":4,\"target\":{\"crf_max\":40,\"crf_min\":20,\"floor\":{\"metric\":\"vmaf\",\"statistic\":\"p5\",\"value\":92.5},\"otherwise\":\"skip\"},\"tune\":\"vq\",\"verify\":{\"floors\":[{\"metric\":\"vmaf\",\"statistic\":\"p5\",\"value\":92.5}],\"scope\":\"whole\"}}","print","{\"ffmpeg\":\"9.0\",\"encoder\":\"libsvtav1\",\"encoder_version\":\"v4.2\"}",300,1700000000123456789,"3-key","11","xxh3-128:22","all","2026-11-22T20:00:00+00:00",12.5,2.25,1,1]',X'7061636B6564');
INSERT INTO "in_hand" VALUES(X'2F6F75742F2E61763172756C65732D32',X'66696C6D732F632E6D6B76',NULL,NULL);
CREATE TABLE kept (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER, kind TEXT NOT NULL, path BLOB NOT NULL,
    target BLOB NOT NULL, place BLOB NOT NULL, row TEXT NOT NULL, receipt BLOB, facts BLOB,
    side_files TEXT NOT NULL, at TEXT NOT NULL, gone_at TEXT, intent TEXT
);
INSERT INTO "kept" VALUES(1,1,'original',X'2F66696C6D732F2E61763172756C65732D6B6570742FFF2E6D6B76',X'2F6F75742FFF0AE280AE2E6D6B76',X'2F66696C6D732FFF2E6D6B76','["2f6f75742fff0ae280ae2e6d6b76","66696c6d732fff2e6d6b76","2f66696c6d732fff2e6d6b76","9-key","xxh3-128:00",900,"{\"accept\":[\"chroma\"],\"bit_depth\":10,\"container\":\"mp4\",\"crf\":27.25,\"deinterlace\":\"bwdif\",\"encoder\":\"libsvtav1\",\"film_grain\":8,\"film_grain_auto\":true,\"film_grain_denoise\":false,\"force\":true,\"keyint\":\"240\",\"max_size_ratio\":0.75,\"params\":[[\"enable-tf\",\"0\"]],\"preset\":4,\"target\":{\"crf_max\":40,\"crf_min\":20,\"floor\":{\"metric\":\"vmaf\",\"statistic\":\"p5\",\"value\":92.5},\"otherwise\":\"skip\"},\"tune\":\"vq\",\"verify\":{\"floors\":[{\"metric\":\"vmaf\",\"statistic\":\"p5\",\"value\":92.5}],\"scope\":\"whole\"}}","print","{\"ffmpeg\":\"9.0\",\"encoder\":\"libsvtav1\",\"encoder_version\":\"v4.2\"}",300,1700000000123456789,"3-key","11","xxh3-128:22","all","2026-11-22T20:00:00+00:00",12.5,2.25,1,1]',X'7B7D',X'006661637473','[["2f66696c6d732fff2e737274","2f6f75742fff2e737274"]]','2026-11-22T20:00:00+00:00','2026-11-22T20:00:00+00:00',NULL);
INSERT INTO "kept" VALUES(2,NULL,'orphan',X'2F6F75742F2E61763172756C65732D6B6570742F622E6D6B76',X'2F6F75742F622E6D6B76',X'2F66696C6D732FFF2E6D6B76','["2f6f75742f622e6d6b76","66696c6d732f622e6d6b76","2f66696c6d732fff2e6d6b76","9-key","xxh3-128:00",900,"{\"accept\":[],\"bit_depth\":0,\"container\":\"mkv\",\"crf\":26.25,\"deinterlace\":\"off\",\"encoder\":\"auto\",\"film_grain\":0,\"film_grain_denoise\":true,\"force\":false,\"keyint\":null,\"max_size_ratio\":0.9,\"params\":[],\"preset\":5,\"tune\":null}","print","{\"ffmpeg\":\"9.0\",\"encoder\":\"libsvtav1\",\"encoder_version\":null}",300,1700000000123456789,"3-key","11","xxh3-128:22",null,"2026-11-22T20:00:00+00:00",12.5,2.25,0,null]',NULL,NULL,'[]','2026-11-22T20:00:00+00:00',NULL,NULL);
INSERT INTO "kept" VALUES(3,1,'original',X'2F66696C6D732F2E61763172756C65732D6B6570742FFF2E6D6B76',X'2F6F75742FFF0AE280AE2E6D6B76',X'2F66696C6D732FFF2E6D6B76','["2f6f75742fff0ae280ae2e6d6b76","66696c6d732fff2e6d6b76","2f66696c6d732fff2e6d6b76","9-key","xxh3-128:00",900,"{\"accept\":[\"chroma\"],\"bit_depth\":10,\"container\":\"mp4\",\"crf\":27.25,\"deinterlace\":\"bwdif\",\"encoder\":\"libsvtav1\",\"film_grain\":8,\"film_grain_auto\":true,\"film_grain_denoise\":false,\"force\":true,\"keyint\":\"240\",\"max_size_ratio\":0.75,\"params\":[[\"enable-tf\",\"0\"]],\"preset\":4,\"target\":{\"crf_max\":40,\"crf_min\":20,\"floor\":{\"metric\":\"vmaf\",\"statistic\":\"p5\",\"value\":92.5},\"otherwise\":\"skip\"},\"tune\":\"vq\",\"verify\":{\"floors\":[{\"metric\":\"vmaf\",\"statistic\":\"p5\",\"value\":92.5}],\"scope\":\"whole\"}}","print","{\"ffmpeg\":\"9.0\",\"encoder\":\"libsvtav1\",\"encoder_version\":\"v4.2\"}",300,1700000000123456789,"3-key","11","xxh3-128:22","all","2026-11-22T20:00:00+00:00",12.5,2.25,1,1]',X'7B7D',X'006661637473','[["2f66696c6d732fff2e737274","2f6f75742fff2e737274"]]','2026-11-22T20:00:00+00:00',NULL,'{"incoming":"2f6f75742f2e61763172756c65732d312fff2e6d6b76","place_in":"2f6f75742fff0ae280ae2e6d6b76","key_in":"3-key","place_out":"2f6f75742fff0ae280ae2e6d6b76","aside":"2f66696c6d732f2e61763172756c65732d6b6570742fff2e6d6b76","key_out":"9-key","side_files":"[[\"2f66696c6d732fff2e737274\",\"2f6f75742fff2e737274\"]]","is_new":true,"kind":"original","path":"2f66696c6d732f2e61763172756c65732d6b6570742fff2e6d6b76","run":1}');
INSERT INTO "kept" VALUES(4,1,'original',X'2F66696C6D732F2E61763172756C65732D6B6570742FFF2E6D6B76',X'2F6F75742FFF0AE280AE2E6D6B76',X'2F66696C6D732FFF2E6D6B76','["2f6f75742fff0ae280ae2e6d6b76","66696c6d732fff2e6d6b76","2f66696c6d732fff2e6d6b76","9-key","xxh3-128:00",900,"{\"accept\":[\"chroma\"],\"bit_depth\":10,\"container\":\"mp4\",\"crf\":27.25,\"deinterlace\":\"bwdif\",\"encoder\":\"libsvtav1\",\"film_grain\":8,\"film_grain_auto\":true,\"film_grain_denoise\":false,\"force\":true,\"keyint\":\"240\",\"max_size_ratio\":0.75,\"params\":[[\"enable-tf\",\"0\"]],\"preset\":4,\"target\":{\"crf_max\":40,\"crf_min\":20,\"floor\":{\"metric\":\"vmaf\",\"statistic\":\"p5\",\"value\":92.5},\"otherwise\":\"skip\"},\"tune\":\"vq\",\"verify\":{\"floors\":[{\"metric\":\"vmaf\",\"statistic\":\"p5\",\"value\":92.5}],\"scope\":\"whole\"}}","print","{\"ffmpeg\":\"9.0\",\"encoder\":\"libsvtav1\",\"encoder_version\":\"v4.2\"}",300,1700000000123456789,"3-key","11","xxh3-128:22","all","2026-11-22T20:00:00+00:00",12.5,2.25,1,1]',X'7B7D',X'006661637473','[["2f66696c6d732fff2e737274","2f6f75742fff2e737274"]]','2026-11-22T20:00:00+00:00','2026-11-22T20:00:00+00:00','{"incoming":null,"place_in":null,"key_in":null,"place_out":null,"aside":"2f66696c6d732f2e61763172756c65732d6b6570742fff2e6d6b76","key_out":null,"side_files":"[]","is_new":false,"kind":null,"path":null,"run":null}');
CREATE TABLE moves (
    old BLOB PRIMARY KEY, new BLOB NOT NULL, stage BLOB NOT NULL, source BLOB NOT NULL,
    source_path BLOB NOT NULL
) WITHOUT ROWID;
INSERT INTO "moves" VALUES(X'2F6F75742FFF0AE280AE2E6D6B76',X'2F6F75742F6E65772E6D6B76',X'2F6F75742F2E61763172756C65732D32',X'66696C6D732F6E65772E6D6B76',X'2F66696C6D732F6E65772E6D6B76');
CREATE TABLE receipts (target BLOB PRIMARY KEY, receipt BLOB NOT NULL);
INSERT INTO "receipts" VALUES(X'2F6F75742FFF0AE280AE2E6D6B76',X'78DA2BC94855284A4D4ECD2C2851C84F53485428492C4A4F2D010064FB086B');
INSERT INTO "receipts" VALUES(X'2F6F75742F622E6D6B76',X'78DA2BC94855284A4D4ECD2C2851C84F53485428492C4A4F2D010064FB086B');
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, started TEXT NOT NULL, ended TEXT, summary TEXT
);
INSERT INTO "runs" VALUES(1,'2026-11-22T20:00:00+00:00','2026-11-22T20:00:00+00:00','1 encoded');
INSERT INTO "runs" VALUES(2,'2026-11-22T20:00:00+00:00',NULL,NULL);
CREATE TABLE samples (
    content_key TEXT NOT NULL, settings TEXT NOT NULL, tools TEXT NOT NULL, source BLOB NOT NULL,
    facts TEXT NOT NULL, PRIMARY KEY (content_key, settings, tools)
) WITHOUT ROWID;
INSERT INTO "samples" VALUES('9-key','f9753c351afbc737f24f1df619abe545','{"ffmpeg":"9.0","encoder":"libsvtav1","encoder_version":"v4.2"}',X'66696C6D732FFF2E6D6B76','{"content_key":"9-key","settings":{"encoder":"libsvtav1","crf":27.25,"preset":4,"film_grain":8,"film_grain_denoise":false,"tune":"vq","keyint":"240","bit_depth":10,"deinterlace":"bwdif","params":[["enable-tf","0"]],"container":"mp4","accept":["chroma"],"max_size_ratio":0.75,"force":true,"target":null,"film_grain_auto":true,"verify":{"floors":[{"metric":"vmaf","statistic":"p5","value":92.5}],"scope":"whole"}},"tools":{"ffmpeg":"9.0","encoder":"libsvtav1","encoder_version":"v4.2"},"passages":[[1.5,3.0]],"frames":72,"duration_s":3.0,"size_bytes":1234,"encode_s":2.5,"made_at":"2026-11-22T20:00:00+00:00","scores":[{"metric":"vmaf","model":"vmaf_v0.6.1","mean":95.5,"harmonic_mean":95.25,"p1":90.5,"p5":92.5,"worst_second":[89.5,12.0],"frames":144,"per_second":[95.0,96.0],"caveats":["few pictures"]}],"score_problem":"one is missing"}');
CREATE TABLE searches (
    fingerprint TEXT NOT NULL, tools TEXT NOT NULL, source BLOB NOT NULL, facts TEXT NOT NULL,
    PRIMARY KEY (fingerprint, tools)
) WITHOUT ROWID;
INSERT INTO "searches" VALUES('print','{"ffmpeg":"9.0","encoder":"libsvtav1","encoder_version":"v4.2"}',X'66696C6D732FFF2E6D6B76','{"fingerprint":"print","tools":{"ffmpeg":"9.0","encoder":"libsvtav1","encoder_version":"v4.2"},"crf":27.25,"text":"CRF 27.25","tried":[{"crf":27.25,"value":93.1}],"elapsed_s":12.0,"made_at":"2026-11-22T20:00:00+00:00"}');
CREATE TABLE targets (
    target BLOB PRIMARY KEY, source BLOB NOT NULL, source_path BLOB NOT NULL,
    content_key TEXT NOT NULL, source_digest TEXT NOT NULL, source_bytes INTEGER NOT NULL,
    settings TEXT NOT NULL,
    fingerprint TEXT NOT NULL, tools TEXT NOT NULL, target_bytes INTEGER NOT NULL,
    target_mtime_ns INTEGER NOT NULL, target_key TEXT NOT NULL, target_head TEXT NOT NULL,
    target_digest TEXT NOT NULL,
    rule TEXT, built_at TEXT NOT NULL, encode_s REAL NOT NULL, verify_s REAL NOT NULL,
    forgotten INTEGER NOT NULL DEFAULT 0
, run INTEGER) WITHOUT ROWID;
INSERT INTO "targets" VALUES(X'2F6F75742F622E6D6B76',X'66696C6D732F622E6D6B76',X'2F66696C6D732FFF2E6D6B76','9-key','xxh3-128:00',900,'{"accept":[],"bit_depth":0,"container":"mkv","crf":26.25,"deinterlace":"off","encoder":"auto","film_grain":0,"film_grain_denoise":true,"force":false,"keyint":null,"max_size_ratio":0.9,"params":[],"preset":5,"tune":null}','print','{"ffmpeg":"9.0","encoder":"libsvtav1","encoder_version":null}',300,1700000000123456789,'3-key','11','xxh3-128:22',NULL,'2026-11-22T20:00:00+00:00',12.5,2.25,0,NULL);
INSERT INTO "targets" VALUES(X'2F6F75742FFF0AE280AE2E6D6B76',X'66696C6D732FFF2E6D6B76',X'2F66696C6D732FFF2E6D6B76','9-key','xxh3-128:00',900,'{"accept":["chroma"],"bit_depth":10,"container":"mp4","crf":27.25,"deinterlace":"bwdif","encoder":"libsvtav1","film_grain":8,"film_grain_auto":true,"film_grain_denoise":false,"force":true,"keyint":"240","max_size_ratio":0.75,"params":[["enable-tf","0"]],"preset":4,"target":{"crf_max":40,"crf_min":20,"floor":{"metric":"vmaf","statistic":"p5","value":92.5},"otherwise":"skip"},"tune":"vq","verify":{"floors":[{"metric":"vmaf","statistic":"p5","value":92.5}],"scope":"whole"}}','print','{"ffmpeg":"9.0","encoder":"libsvtav1","encoder_version":"v4.2"}',300,1700000000123456789,'3-key','11','xxh3-128:22','all','2026-11-22T20:00:00+00:00',12.5,2.25,1,1);
CREATE TABLE verdicts (
    content_key TEXT NOT NULL, fingerprint TEXT NOT NULL, kind TEXT NOT NULL,
    source BLOB NOT NULL, detail TEXT NOT NULL, source_bytes INTEGER NOT NULL,
    target_bytes INTEGER, count INTEGER NOT NULL, at TEXT NOT NULL, measured TEXT,
    PRIMARY KEY (content_key, fingerprint)
) WITHOUT ROWID;
INSERT INTO "verdicts" VALUES('9-key','other','below the quality floor',X'66696C6D732FFF2E6D6B76','too poor',900,400,3,'2026-11-22T20:00:00+00:00','[["vmaf_p5", 87.25], ["ssim_mean", 0.5]]');
INSERT INTO "verdicts" VALUES('9-key','third','failed',X'66696C6D732FFF2E6D6B76','too poor',900,NULL,3,'2026-11-22T20:00:00+00:00',NULL);
CREATE INDEX targets_by_content ON targets (content_key);
CREATE INDEX kept_by_target ON kept (target);
CREATE INDEX kept_by_place ON kept (place);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('runs',2);
INSERT INTO "sqlite_sequence" VALUES('kept',4);
INSERT INTO "sqlite_sequence" VALUES('forecasts',1);
COMMIT;
PRAGMA user_version=5;
