BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE cancel_questions (
	id VARCHAR(36) NOT NULL, 
	team_id VARCHAR(32) NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	channel_id VARCHAR(32) NOT NULL, 
	actor_id VARCHAR(32) NOT NULL, 
	task_ids TEXT NOT NULL, 
	asked_at DATETIME NOT NULL, 
	answered BOOLEAN NOT NULL, 
	CONSTRAINT pk_cancel_questions PRIMARY KEY (id)
);
INSERT INTO "cancel_questions" VALUES('d9d521fd-b729-4b47-b39d-e6bb1a6c13ee','T1','default','C1','U1','["07ce4078-bccc-4a42-b530-5f2653484a6a", "8b747792-5303-4a42-b530-07ce40786a5f"]','2026-01-01 12:00:34.000000',0);
CREATE TABLE cancels (
	id INTEGER NOT NULL, 
	team_id VARCHAR(32) NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	task_id VARCHAR(36) NOT NULL, 
	actor_id VARCHAR(32) NOT NULL, 
	channel_id VARCHAR(32) NOT NULL, 
	via VARCHAR(16) NOT NULL, 
	asked_at DATETIME NOT NULL, 
	"before" VARCHAR(64), 
	"after" VARCHAR(64), 
	outcome VARCHAR(16), 
	settled_at DATETIME, 
	CONSTRAINT pk_cancels PRIMARY KEY (id)
);
INSERT INTO "cancels" VALUES(1,'T1','default','8b747792-5303-4a42-b530-07ce40786a5f','U1','C1','command','2026-01-01 12:00:34.000000','RUNNING','CANCELLED','cancelled','2026-01-01 12:00:34.000000');
CREATE TABLE cards (
	id INTEGER NOT NULL, 
	team_id VARCHAR(32) NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	channel_id VARCHAR(32) NOT NULL, 
	thread_ts VARCHAR(32), 
	kind VARCHAR(8) NOT NULL, 
	owner_id VARCHAR(32) NOT NULL, 
	level VARCHAR(16) NOT NULL, 
	ts VARCHAR(32), 
	wanted INTEGER NOT NULL, 
	shown INTEGER NOT NULL, 
	refused VARCHAR(64), 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_cards PRIMARY KEY (id)
);
INSERT INTO "cards" VALUES(1,'T1','default','C1',NULL,'task','U1','all','100.000001',2,2,NULL,'2026-01-01 12:00:00.000000');
INSERT INTO "cards" VALUES(2,'T1','default','DU1',NULL,'task','U1','all','100.000002',3,1,NULL,'2026-01-01 12:00:08.000000');
CREATE TABLE channels (
	team_id VARCHAR(32) NOT NULL, 
	channel_id VARCHAR(32) NOT NULL, 
	due_at DATETIME, 
	lease_until DATETIME, 
	attempt INTEGER NOT NULL, 
	next_post_at DATETIME, 
	next_edit_at DATETIME, 
	CONSTRAINT pk_channels PRIMARY KEY (team_id, channel_id)
);
INSERT INTO "channels" VALUES('T1','C1',NULL,NULL,3,'2026-01-01 12:00:35.000000','2026-01-01 12:00:22.200000');
INSERT INTO "channels" VALUES('T1','DU1','2026-01-01 12:00:34.000000',NULL,1,'2026-01-01 12:00:09.000000',NULL);
CREATE TABLE deliveries (
	id INTEGER NOT NULL, 
	team_id VARCHAR(32) NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	channel_id VARCHAR(32) NOT NULL, 
	card_id INTEGER, 
	kind VARCHAR(16) NOT NULL, 
	data TEXT NOT NULL, 
	dedupe VARCHAR(128) NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	attempts INTEGER NOT NULL, 
	error VARCHAR(64), 
	ts VARCHAR(32), 
	created_at DATETIME NOT NULL, 
	sent_at DATETIME, 
	CONSTRAINT pk_deliveries PRIMARY KEY (id), 
	CONSTRAINT fk_deliveries_card_id FOREIGN KEY(card_id) REFERENCES cards (id), 
	CONSTRAINT uq_deliveries_dedupe UNIQUE (dedupe)
);
INSERT INTO "deliveries" VALUES(1,'T1','default','C1',1,'card','{}','card:1','sent',1,NULL,'100.000001','2026-01-01 12:00:00.000000','2026-01-01 12:00:00.000000');
INSERT INTO "deliveries" VALUES(2,'T1','default','DU1',2,'card','{}','card:2','sent',1,NULL,'100.000002','2026-01-01 12:00:08.000000','2026-01-01 12:00:08.000000');
INSERT INTO "deliveries" VALUES(3,'T1','default','C1',1,'transition','{"task":{"id":"07ce4078-bccc-4a42-b530-5f2653484a6a","status":"FAILED","created_at":"2026-01-01T12:00:16Z","started_at":"2026-01-01T12:00:16Z","ended_at":null,"updated_at":null,"container_id":null,"function":null,"kind":null,"stub_name":null,"deployment":null,"app":null,"cpu_millicores":null,"memory_mib":null,"gpu":null,"timeout_seconds":null,"max_retries":null,"queue_depth":null,"active_containers":null,"failure_reason":null,"result":null,"outputs":[]},"steps":[{"old":"RUNNING","new":"FAILED","waited":"PT0S","ran":null,"correction":false}],"final":true,"mention":"U1","cancelled_by":null}','card:1:seq:07ce4078-bccc-4a42-b530-5f2653484a6a:1','sent',1,NULL,'100.000003','2026-01-01 12:00:21.000000','2026-01-01 12:00:21.000000');
INSERT INTO "deliveries" VALUES(4,'T1','default','DU1',2,'transition','{"task":{"id":"8b747792-5303-4a42-b530-07ce40786a5f","status":"RUNNING","created_at":"2026-01-01T12:00:29Z","started_at":"2026-01-01T12:00:29Z","ended_at":null,"updated_at":null,"container_id":null,"function":null,"kind":null,"stub_name":null,"deployment":null,"app":null,"cpu_millicores":null,"memory_mib":null,"gpu":null,"timeout_seconds":null,"max_retries":null,"queue_depth":null,"active_containers":null,"failure_reason":null,"result":null,"outputs":[]},"steps":[{"old":"PENDING","new":"RUNNING","waited":"PT0S","ran":"PT5S","correction":false}],"final":false,"mention":null,"cancelled_by":null}','card:2:seq:8b747792-5303-4a42-b530-07ce40786a5f:1','owed',0,NULL,NULL,'2026-01-01 12:00:34.000000',NULL);
INSERT INTO "deliveries" VALUES(5,'T1','default','DU1',2,'transition','{"task":{"id":"8b747792-5303-4a42-b530-07ce40786a5f","status":"CANCELLED","created_at":"2026-01-01T12:00:29Z","started_at":"2026-01-01T12:00:29Z","ended_at":null,"updated_at":null,"container_id":null,"function":null,"kind":null,"stub_name":null,"deployment":null,"app":null,"cpu_millicores":null,"memory_mib":null,"gpu":null,"timeout_seconds":null,"max_retries":null,"queue_depth":null,"active_containers":null,"failure_reason":null,"result":null,"outputs":[]},"steps":[{"old":"RUNNING","new":"CANCELLED","waited":"PT0S","ran":null,"correction":false}],"final":true,"mention":"U1","cancelled_by":"U1"}','card:2:seq:8b747792-5303-4a42-b530-07ce40786a5f:2','owed',0,NULL,NULL,'2026-01-01 12:00:34.000000',NULL);
INSERT INTO "deliveries" VALUES(6,'T1','default','C1',NULL,'cancel','{"actor_id":"U1","results":[{"task_id":"8b747792-5303-4a42-b530-07ce40786a5f","outcome":"cancelled","before":{"id":"8b747792-5303-4a42-b530-07ce40786a5f","status":"RUNNING","created_at":"2026-01-01T12:00:29Z","started_at":"2026-01-01T12:00:29Z","ended_at":null,"updated_at":null,"container_id":null,"function":null,"kind":null,"stub_name":null,"deployment":null,"app":null,"cpu_millicores":null,"memory_mib":null,"gpu":null,"timeout_seconds":null,"max_retries":null,"queue_depth":null,"active_containers":null,"failure_reason":null,"result":null,"outputs":[]},"after":{"id":"8b747792-5303-4a42-b530-07ce40786a5f","status":"CANCELLED","created_at":"2026-01-01T12:00:29Z","started_at":"2026-01-01T12:00:29Z","ended_at":null,"updated_at":null,"container_id":null,"function":null,"kind":null,"stub_name":null,"deployment":null,"app":null,"cpu_millicores":null,"memory_mib":null,"gpu":null,"timeout_seconds":null,"max_retries":null,"queue_depth":null,"active_containers":null,"failure_reason":null,"result":null,"outputs":[]}}],"asked_at":"2026-01-01T12:00:34Z","key":"cancel:1"}','cancel:1','sent',1,NULL,'100.000004','2026-01-01 12:00:34.000000','2026-01-01 12:00:34.000000');
CREATE TABLE requests_seen (
	team_id VARCHAR(32) NOT NULL, 
	"key" VARCHAR(128) NOT NULL, 
	seen_at DATETIME NOT NULL, 
	CONSTRAINT pk_requests_seen PRIMARY KEY (team_id, "key")
);
CREATE TABLE tasks (
	team_id VARCHAR(32) NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	task_id VARCHAR(36) NOT NULL, 
	status VARCHAR(64) NOT NULL, 
	payload TEXT NOT NULL, 
	known_at DATETIME NOT NULL, 
	seq INTEGER NOT NULL, 
	next_check_at DATETIME, 
	attempt INTEGER NOT NULL, 
	failures INTEGER NOT NULL, 
	failing_since DATETIME, 
	trouble VARCHAR(16), 
	rechecks INTEGER NOT NULL, 
	cancelled_by VARCHAR(32), 
	CONSTRAINT pk_tasks PRIMARY KEY (team_id, account, task_id)
);
INSERT INTO "tasks" VALUES('T1','default','07ce4078-bccc-4a42-b530-5f2653484a6a','FAILED','{"id":"07ce4078-bccc-4a42-b530-5f2653484a6a","status":"FAILED","created_at":"2026-01-01T12:00:16Z","started_at":"2026-01-01T12:00:16Z","outputs":[]}','2026-01-01 12:00:21.000000',1,'2026-01-01 12:01:21.000000',1,0,NULL,NULL,0,NULL);
INSERT INTO "tasks" VALUES('T1','default','8b747792-5303-4a42-b530-07ce40786a5f','CANCELLED','{"id":"8b747792-5303-4a42-b530-07ce40786a5f","status":"CANCELLED","created_at":"2026-01-01T12:00:29Z","started_at":"2026-01-01T12:00:29Z","outputs":[]}','2026-01-01 12:00:34.000000',2,'2026-01-01 12:01:34.000000',2,0,NULL,NULL,0,'U1');
CREATE TABLE transitions (
	id INTEGER NOT NULL, 
	team_id VARCHAR(32) NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	task_id VARCHAR(36) NOT NULL, 
	seq INTEGER NOT NULL, 
	old VARCHAR(64) NOT NULL, 
	new VARCHAR(64) NOT NULL, 
	seen_at DATETIME NOT NULL, 
	waited_ms INTEGER, 
	ran_ms INTEGER, 
	CONSTRAINT pk_transitions PRIMARY KEY (id), 
	CONSTRAINT uq_transitions_team_id_account_task_id_seq UNIQUE (team_id, account, task_id, seq)
);
INSERT INTO "transitions" VALUES(1,'T1','default','07ce4078-bccc-4a42-b530-5f2653484a6a',1,'RUNNING','FAILED','2026-01-01 12:00:21.000000',0,NULL);
INSERT INTO "transitions" VALUES(2,'T1','default','8b747792-5303-4a42-b530-07ce40786a5f',1,'PENDING','RUNNING','2026-01-01 12:00:34.000000',0,5000);
INSERT INTO "transitions" VALUES(3,'T1','default','8b747792-5303-4a42-b530-07ce40786a5f',2,'RUNNING','CANCELLED','2026-01-01 12:00:34.000000',0,NULL);
CREATE TABLE watches (
	id INTEGER NOT NULL, 
	team_id VARCHAR(32) NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	channel_id VARCHAR(32) NOT NULL, 
	task_id VARCHAR(36) NOT NULL, 
	card_id INTEGER NOT NULL, 
	owner_id VARCHAR(32) NOT NULL, 
	level VARCHAR(16) NOT NULL, 
	created_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	end_reason VARCHAR(16), 
	CONSTRAINT pk_watches PRIMARY KEY (id), 
	CONSTRAINT fk_watches_card_id FOREIGN KEY(card_id) REFERENCES cards (id)
);
INSERT INTO "watches" VALUES(1,'T1','default','C1','07ce4078-bccc-4a42-b530-5f2653484a6a',1,'U1','all','2026-01-01 12:00:00.000000','2026-01-01 12:00:21.000000','final');
INSERT INTO "watches" VALUES(2,'T1','default','DU1','8b747792-5303-4a42-b530-07ce40786a5f',2,'U1','all','2026-01-01 12:00:08.000000','2026-01-01 12:00:34.000000','final');
CREATE INDEX ix_cancels_channel ON cancels (team_id, channel_id, asked_at);
CREATE INDEX ix_cancels_task ON cancels (team_id, account, task_id);
CREATE INDEX ix_cards_stale ON cards (team_id, channel_id) WHERE wanted > shown;
CREATE INDEX ix_cards_team_id_channel_id_ts ON cards (team_id, channel_id, ts);
CREATE INDEX ix_channels_due_at ON channels (due_at) WHERE due_at NOT NULL;
CREATE INDEX ix_requests_seen_seen_at ON requests_seen (seen_at);
CREATE INDEX ix_tasks_next_check_at ON tasks (next_check_at) WHERE next_check_at NOT NULL;
CREATE INDEX ix_deliveries_card_id ON deliveries (card_id);
CREATE INDEX ix_deliveries_owed ON deliveries (team_id, channel_id, id) WHERE state IN ('owed', 'sending');
CREATE INDEX ix_watches_card_id ON watches (card_id);
CREATE INDEX ix_watches_task ON watches (team_id, account, task_id);
CREATE UNIQUE INDEX uq_watches_active ON watches (team_id, account, channel_id, task_id) WHERE ended_at IS NULL;
COMMIT;
