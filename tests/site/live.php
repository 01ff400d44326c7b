<?php
session_start();
$name = $_SESSION['name'] ?? 'stranger';
$room = (int) ($_GET['room'] ?? 0);
session_write_close();
?>
<!doctype html>
<meta charset="utf-8">
<title>Live</title>
<h1 id="hello">Hello, <?= htmlspecialchars($name) ?></h1>
<p id="state">closed</p>
<ul id="events"></ul>
<script>
var errors = 0;
var source = new EventSource("ticker.php?room=<?= $room ?>");
source.onopen = function () { document.getElementById("state").textContent = "open"; };
source.onerror = function () { errors += 1; };
source.onmessage = function (event) {
    var line = document.createElement("li");
    line.textContent = event.data;
    document.getElementById("events").appendChild(line);
};
</script>
