<?php
// A numbered event every `interval` milliseconds, `count` of them (0: for ever), going on behind the
// Last-Event-ID that the client names.
header('Content-Type: text/event-stream');
header('Cache-Control: no-cache');
header('X-Accel-Buffering: no');
set_time_limit(0);
while (ob_get_level() > 0) {
    ob_end_flush();
}

$count = (int) ($_GET['count'] ?? 0);
$interval = (int) ($_GET['interval'] ?? 100);
$id = (int) ($_SERVER['HTTP_LAST_EVENT_ID'] ?? 0);

for ($sent = 0; $count === 0 || $sent < $count; $sent++) {
    $id++;
    echo "id: {$id}\ndata: tick {$id}\n\n";
    flush();
    usleep($interval * 1000);
}
