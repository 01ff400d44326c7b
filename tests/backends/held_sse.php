<?php
// As `loop_sse.php`, but with `flush()` alone: php.ini's output_buffering is left in place, unless
// `plain` says otherwise. `size` bytes in each event.
header('Content-Type: text/event-stream');
set_time_limit(0);
while (isset($_GET['plain']) && ob_get_level() > 0) {
    ob_end_flush();
}

$count = (int) ($_GET['count'] ?? 0);
$interval = (int) ($_GET['interval'] ?? 20);
$size = (int) ($_GET['size'] ?? 100);

for ($id = 1; $count === 0 || $id <= $count; $id++) {
    echo "id: {$id}\ndata: ", str_repeat('x', $size), "\n\n";
    flush();
    usleep($interval * 1000);
}
