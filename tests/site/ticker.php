<?php
// Tells what it is told about its visitor, and that it was asked.
while (ob_get_level()) {
    ob_end_flush();
}
header('Content-Type: text/event-stream');
header('Cache-Control: no-cache');
file_put_contents(getenv('SITE_LOG'), "ticker\n", FILE_APPEND | LOCK_EX);
$cookie = $_SERVER['HTTP_COOKIE'] ?? 'none';
for ($n = 1; !connection_aborted(); $n++) {
    echo "id: $n\ndata: $n room={$_GET['room']} cookie=$cookie\n\n";
    flush();
    usleep(100000);
}
