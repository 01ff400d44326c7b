<?php
$file = $_FILES['file'];
?>
<!doctype html>
<title>Sent</title>
<p id="sent"><?= $file['size'] ?> <?= sha1_file($file['tmp_name']) ?> <?= htmlspecialchars($file['name']) ?></p>
